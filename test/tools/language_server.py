"""A client of dsv2-lsp-server: JSON-RPC with Content-Length headers."""

import itertools
import json
import queue
import subprocess
import threading

# Seconds that one answer may take on a busy machine.
PATIENCE = 60


class LanguageServer:
    """Starts the server and greets it; a context manager."""

    def __init__(self, program):
        self.process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL)
        self.received = queue.Queue()
        self.numbers = itertools.count(1)
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self):
        self.capabilities = self.request("initialize", {
            "processId": None, "rootUri": None, "capabilities": {},
            "trace": "off"})["capabilities"]
        self.notify("initialized", {})
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def _read(self):
        stream = self.process.stdout
        while header := stream.readline():
            length = 0
            while header.strip():
                name, _, value = header.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
                header = stream.readline()
            self.received.put(json.loads(stream.read(length)))

    def _send(self, message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def notify(self, method, params):
        self._send({"method": method, "params": params})

    def request(self, method, params):
        """The result; notifications that come before it are dropped."""
        number = next(self.numbers)
        self._send({"id": number, "method": method, "params": params})
        while True:
            message = self.received.get(timeout=PATIENCE)
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]

    def open(self, uri, text):
        """Opens a document; its diagnostics."""
        self.notify("textDocument/didOpen", {"textDocument": {
            "uri": uri, "languageId": "mlir", "version": 1, "text": text}})
        return self._diagnostics(uri)

    def change(self, uri, version, text):
        """Replaces a document's text; its diagnostics."""
        self.notify("textDocument/didChange", {
            "textDocument": {"uri": uri, "version": version},
            "contentChanges": [{"text": text}]})
        return self._diagnostics(uri)

    def _diagnostics(self, uri):
        while True:
            message = self.received.get(timeout=PATIENCE)
            if (message.get("method") == "textDocument/publishDiagnostics"
                    and message["params"]["uri"] == uri):
                return message["params"]["diagnostics"]

    def at(self, method, uri, line, character, **more):
        """A request about a position, both counted from 0."""
        return self.request(f"textDocument/{method}", {
            "textDocument": {"uri": uri},
            "position": {"line": line, "character": character}, **more})

    def shutdown(self):
        """The exit status after an orderly end."""
        self.request("shutdown", None)
        self.notify("exit", None)
        return self.process.wait(PATIENCE)
