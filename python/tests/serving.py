"""A ``micropq serve`` process for tests."""
import json
import signal
import subprocess
import tempfile


class Running:
    """A server as a process, at ``url``; ``log`` is what it logged, once it has ended.

    Leaving ``with`` stops it, which must end it with exit code 0.
    """

    def __init__(self, binary, *args):
        self.log = ""
        self._errors = tempfile.TemporaryFile()
        listen = () if "--listen" in args else ("--listen", "grpc://127.0.0.1:0")
        self.process = subprocess.Popen([binary, "serve", *args, *listen, "--json"], stdout=subprocess.PIPE, stderr=self._errors)
        line = self.process.stdout.readline()
        if not line:
            self.end()
            raise SystemExit(f"the server does not start: {self.log}")
        self.url = json.loads(line)["listen"]

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=30)
        self._errors.seek(0)
        self.log = self._errors.read().decode()
        return code

    def __enter__(self):
        return self

    def __exit__(self, *error):
        code = self.end()
        assert code == 0, (code, self.log)
