"""A tier of the example: says its name and who asks, then what the next tier answers.

    tier.py NAME [NEXT]
"""

import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

name, *behind = sys.argv[1:]


def ask(tier):
    try:
        with urllib.request.urlopen(f"http://{tier}/", timeout=10) as answer:
            return answer.read().decode()
    except OSError as error:
        return f"{tier}? {getattr(error, 'reason', error)}\n"


class Tier(BaseHTTPRequestHandler):
    def do_GET(self):
        caller, _ = self.client_address
        said = f"{name}, asked by {caller}\n" + "".join(map(ask, behind))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(said.encode())

    def log_message(self, *_):  # curl shows the answers, the log need not
        pass


ThreadingHTTPServer(("", 80), Tier).serve_forever()
