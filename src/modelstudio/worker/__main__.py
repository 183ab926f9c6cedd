"""``python -m modelstudio.worker``: the supervisor of one job, told by its environment."""

from __future__ import annotations

import logging
import os
import sys

from modelstudio.worker.job_server import JobServer
from modelstudio.worker.kernel import adopt_orphans, hide_environment
from modelstudio.worker.layout import WorkDir
from modelstudio.worker.settings import WorkerSettings, WorkerSettingsError
from modelstudio.worker.supervisor import Supervisor


def main() -> int:
    """Run the job and return the exit status: 0 unless the server could not be told the end."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
    os.umask(0o077)
    hide_environment()
    adopt_orphans()
    try:
        settings = WorkerSettings.take_from(os.environ)
    except WorkerSettingsError as error:
        logging.getLogger("modelstudio.worker").error("%s", error)  # noqa: TRY400 - says it all
        return 2
    server, work_dir = JobServer(settings), WorkDir(settings.work_dir)
    return Supervisor(server, work_dir, settings.place, settings.trainer_envs).run()


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    os._exit(status)  # threads may wait for the server's answer; none has anything to save
