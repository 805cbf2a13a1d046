#!/usr/bin/python3 -I
"""An adapter for the Integration Ledger in one file of Python, without any library.

It is a pure transformer: it reads one JSON message a line, answers with one, and does nothing else. It has no network,
no files but its own package, and no credentials: the ledger sends the requests that it plans, adds the credential, and
brings back the answers. It keeps nothing between two messages but its configuration.

The service that it speaks to takes JSON:

    GET   /health                 -> 200 {"name": "..."}
    POST  /tickets                -> 201 {"id": "...", "status": "open"}; the same Idempotency-Key gives the same ticket
    GET   /tickets?key=KEY        -> 200 [{"id": "...", "key": "KEY", "status": "open"}]
    GET   /tickets/ID             -> 200 {"id": "...", ...} or 404
    PATCH /tickets/ID             -> 200 {"id": "...", ...}
    POST  /tickets/ID/comments    -> 201 {}; the same Idempotency-Key gives the same comment
"""

import json
import sys
from urllib.parse import quote

NAME, VERSION, PROTOCOL = "http-sink", "1.0.0", 1
CONFIG = {}


class Refused(Exception):
    """What cannot be done, whatever the service would say. `kind` says who can mend it."""

    def __init__(self, kind, message, **more):
        super().__init__(message)
        self.failure = {"kind": kind, "message": message, **more}


def hello(_):
    return {
        "hello": {
            "name": NAME,
            "version": VERSION,
            "protocol": PROTOCOL,
            "capabilities": ["open", "update", "comment", "move", "read"],
            # How long a search may not know what was just written: a lookup sooner proves nothing.
            "lookup_lag_ms": 0,
        }
    }


def configure(message):
    config = message["config"]
    if not isinstance(config.get("queue"), str) or not config["queue"]:
        raise Refused("needs_configuration", "the queue is missing", field="/queue", hint='such as "compliance"')
    CONFIG.clear()
    CONFIG.update(config)
    return {"configured": {}}


# What to do next: send a plan, or be done.


def send(method, path, then, body=None, repeat="safe", key=None):
    """A request below the base that the operator configured. `repeat` says what happens when it is sent twice:
    `safe` and `same` may be, `once` never is; the ledger looks such a request up when its answer is lost."""
    plan = {"method": method, "path": path, "repeat": repeat, "scope": method, "continuation": then}
    if body is not None:
        plan["body"] = {"json": body}
    if key is not None:
        plan["headers"] = {"idempotency-key": key}
    return {"step": {"then": {"send": plan}}}


def done(outcome):
    return {"step": {"then": {"done": outcome}}}


def failed(kind, message, **more):
    return done({"failed": {"kind": kind, "message": message, **more}})


STATUSES = ["open", "in_progress", "on_hold", "resolved", "closed", "cancelled"]


def succeeded(ticket):
    status = ticket.get("status")
    snapshot = {
        "version": str(ticket.get("version", 0)),
        "status": status if status in STATUSES else None,
        "vendor_status": str(status),
        "fields": {"title": ticket.get("title")},
    }
    return done({"succeeded": {"remote": {"id": str(ticket["id"])}, "snapshot": snapshot}})


# One function a message of the ledger.


def translate(message):
    intent, purpose = message["intent"], message["purpose"]
    if purpose == "lookup":
        return look_up(intent)
    kind, effect = next(iter(intent["effect"].items()))
    if kind == "open":
        body = {"key": intent["key"], "queue": CONFIG["queue"], "title": effect["title"], "text": plain(effect["text"])}
        # The service knows the key again, so twice is as once.
        return send("POST", "/tickets", "ticket", body, "same", intent["id"])
    ticket = "/tickets/" + quote(intent["ticket"]["remote"]["id"], safe="")
    if kind == "update":
        return send("PATCH", ticket, "ticket", effect["set"], "same")
    if kind == "move":
        return send("PATCH", ticket, "ticket", {"status": effect["status"], "note": effect.get("note")}, "same")
    if kind == "comment":
        body = {"text": plain(effect["text"])}
        return send("POST", ticket + "/comments", "commented", body, "same", intent["id"])
    if kind == "read":
        return send("GET", ticket, "ticket")
    raise Refused("unsupported", f"this adapter cannot {kind}")


def look_up(intent):
    if intent.get("ticket"):
        return send("GET", "/tickets/" + quote(intent["ticket"]["remote"]["id"], safe=""), "ticket")
    return send("GET", "/tickets?key=" + quote(intent["key"], safe=""), "found")


def health(_):
    return send("GET", "/health", "health")


def interpret(message):
    response, then = message["response"], message["continuation"]
    status = response["status"]
    if status == 401:
        return failed("unauthenticated", "the credential is not taken", hint="renew it")
    if status == 403:
        return failed("forbidden", "the account may not do this")
    if status == 404:
        return failed("missing", "the ticket is not there")
    if status == 429:
        after = response["headers"].get("retry-after", "")
        rate = {"after_ms": int(after) * 1000 if after.isdigit() else None, "whole_connection": True}
        return failed("rate_limited", "too fast", rate=rate)
    if status >= 500 or status == 408:
        return failed("unavailable", f"HTTP {status}")
    if not 200 <= status < 300:
        return failed("rejected", f"HTTP {status}: {response['body'][:200]}")
    try:
        body = json.loads(response["body"] or "{}")
    except ValueError:
        return failed("malformed", "the answer is no JSON")
    if then == "health":
        return done({"health": {"product": body.get("name")}})
    if then == "found":
        # Verified here, too: a service that ignores the filter would give anything.
        key = message["task"]["lookup"]["key"]
        found = [ticket for ticket in body if ticket.get("key") == key]
        return succeeded(found[0]) if found else done({"absent": {}})
    if then == "commented":
        return succeeded(message["task"]["perform"]["ticket"]["remote"])
    return succeeded(body)


def plain(document):
    """The text of a document without its styles."""
    lines = []
    for block in document:
        kind, value = next(iter(block.items()))
        if kind == "heading":
            lines.append(value["text"])
        elif kind == "paragraph":
            lines.append("".join(span["text"] for span in value))
        elif kind == "list":
            lines.extend("- " + "".join(span["text"] for span in item) for item in value)
        elif kind == "table":
            lines.extend(" | ".join(row) for row in value)
        else:
            lines.append(value)
    return "\n".join(lines)


ANSWERS = {
    "hello": hello,
    "configure": configure,
    "translate": translate,
    "health": health,
    "interpret": interpret,
}


def answer(call):
    name, message = next(iter(call.items()))
    if name not in ANSWERS:
        return {"refused": {"kind": "unsupported", "message": f"this adapter has no {name}"}}
    try:
        return ANSWERS[name](message)
    except Refused as refused:
        return {"refused": refused.failure}


def main():
    for line in sys.stdin:
        request = json.loads(line)
        reply = {"v": PROTOCOL, "id": request["id"], "reply": answer(request["call"])}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
