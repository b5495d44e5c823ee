"""What texts are like, over JSON-RPC 2.0: a provider in 30 lines.  python3 server.py [PORT]"""
import json, re, sys
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")

def stats(text):
    words, sentences = len(WORD.findall(text)), len(re.findall(r"[^\s.!?][^.!?]*", text))
    return {"words": words, "sentences": sentences, "words_per_sentence": round(words / max(1, sentences), 1)}

def keywords(text, most=5):
    counts = Counter(word for word in WORD.findall(text.lower()) if len(word) > 3)
    return [{"word": word, "count": count} for word, count in counts.most_common(most)]

METHODS = {"text/stats": stats, "text/keywords": keywords}

class Rpc(BaseHTTPRequestHandler):
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        try:
            said = {"result": METHODS[request["method"]](**request["params"])}
        except Exception as fault:
            code = 1 if request["method"] in METHODS else -32601  # its own failure, or "no such method"
            said = {"error": {"code": code, "message": repr(fault)}}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"jsonrpc": "2.0", "id": request["id"], **said}).encode())

ThreadingHTTPServer(("127.0.0.1", int((sys.argv + ["8770"])[1])), Rpc).serve_forever()
