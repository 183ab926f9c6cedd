"""``modelstudio`` with jobs of a test's own: they are posted to ``/test/jobs``.

The variable ``CRASH`` kills the server once, ``before`` or ``after`` it has started a worker.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse

import modelstudio.app
import modelstudio.server
from modelstudio.cli import main
from modelstudio.compute.local import LocalProcesses
from modelstudio.kit.routing import Caller
from modelstudio.orchestration.handler import JobRequest
from orchestration.journal import KIND, JournalHandler, open_journal


class CrashingProcesses(LocalProcesses):
    """Takes the server with it, once, at the moment that is asked for."""

    def start(self, request):
        self._crash("before", request)
        handle = super().start(request)
        self._crash("after", request)
        return handle

    def _crash(self, moment, request):
        if os.environ.get("CRASH") == moment and request.attempt == 1:
            os.kill(os.getpid(), signal.SIGKILL)


class Submitting:
    """Adds the operation that queues a job."""

    def __init__(self, app, foundation, service):
        self._app = app
        self._foundation = foundation
        self._service = service

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http" or scope["path"] != "/test/jobs":
            await self._app(scope, receive, send)
            return
        body = json.loads(await Request(scope, receive).body())
        answer = JSONResponse(await run_in_threadpool(self._submit, body))
        await answer(scope, receive, send)

    def _submit(self, body):
        retries = body.pop("retries")
        with self._foundation.database.write() as tx:
            caller = Caller(self._foundation.identity.user(tx, "admin").id, is_admin=True)
            request = JobRequest(kind=KIND, branch="master", **body)
            submitted = self._service.submit(tx, caller, request, retries=retries)
        return {"buildRid": submitted.build_rid, "jobRid": submitted.job_rid}


def create_app(foundation):
    opened = []

    def open_orchestration(*arguments):
        opened.append(original(*arguments))
        opened[0].service.register(KIND, JournalHandler())
        return opened[0]

    original = modelstudio.app.open_orchestration
    modelstudio.app.open_orchestration = open_orchestration
    modelstudio.app.LocalProcesses = CrashingProcesses
    open_journal(foundation.database)
    app = modelstudio.app.create_app(foundation)
    return Submitting(app, foundation, opened[0].service)


modelstudio.server.create_app = create_app
main()
