"""Drives the fake Jira with the client library that everyone uses (PyPI `jira`), which was not written for it.

Usage: fakes.py PROGRAM, where PROGRAM is the built example `serve` of the crate ledger-fakes.
"""

import subprocess
import sys

from jira import JIRA
from jira.exceptions import JIRAError


def start(program, kind):
    process = subprocess.Popen([program, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return process, process.stdout.readline().strip()


def refused(call, status):
    try:
        call()
    except JIRAError as error:
        assert error.status_code == status, (error.status_code, error.text)
        return
    raise AssertionError("it was not refused")


def data_center(url):
    client = JIRA(server=url, token_auth="fake-api-token-0001", max_retries=0)
    assert client.server_info()["deploymentType"] == "Data Center"
    assert client.myself()["name"]
    fields = {"project": {"key": "SEC"}, "issuetype": {"id": "10001"}, "labels": ["aigov"]}
    issue = client.create_issue(fields=fields | {"summary": "From the client", "description": "h2. Wiki"})
    assert issue.key == "SEC-1" and issue.fields.status.name == "To Do"
    issue.update(fields={"summary": "Changed", "priority": {"name": "High"}})
    assert client.issue("SEC-1").fields.priority.name == "High"
    client.add_comment(issue, "A comment")
    assert [comment.body for comment in client.comments(issue)] == ["A comment"]
    offered = {transition["name"]: transition["id"] for transition in client.transitions(issue)}
    assert set(offered) == {"Start work", "Won't do"}, offered
    client.transition_issue(issue, offered["Start work"])
    assert client.issue(issue.id).fields.status.name == "In Progress"
    client.add_simple_link(issue, {"url": "https://ledger.example", "title": "evidence"})
    assert client.remote_links(issue)[0].object.title == "evidence"
    found = client.search_issues('project = SEC AND labels = "aigov" AND updated >= "-15m" ORDER BY updated ASC')
    assert [found_issue.key for found_issue in found] == ["SEC-1"]
    with open(__file__, "rb") as file:
        client.add_attachment(issue, file, filename="evidence.txt")
    assert client.issue("SEC-1").fields.attachment[0].filename == "evidence.txt"
    refused(lambda: client.create_issue(fields=fields | {"summary": "x", "customfield_9": "y"}), 400)
    refused(lambda: client.transition_issue(issue, "61"), 400)
    refused(lambda: client.search_issues("nothing = 1"), 400)
    refused(lambda: client.issue("SEC-9"), 404)
    issue.delete()
    refused(lambda: client.issue("SEC-1"), 404)
    wrong = JIRA(server=url, token_auth="wrong", max_retries=0, get_server_info=False)
    refused(wrong.myself, 401)


def cloud(url):
    options = {"rest_api_version": "3"}
    account = ("ledger@example.org", "fake-api-token-0001")
    client = JIRA(server=url, options=options, basic_auth=account, max_retries=0)
    text = {"type": "text", "text": "Document"}
    document = {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [text]}]}
    fields = {"project": {"key": "SEC"}, "issuetype": {"id": "10001"}, "summary": "x"}
    issue = client.create_issue(fields=fields | {"description": document})
    assert issue.key == "SEC-1"
    refused(lambda: client.create_issue(fields=fields | {"description": "a string"}), 400)
    found = client.enhanced_search_issues("project = SEC", fields="summary,status")
    assert [found_issue.key for found_issue in found] == ["SEC-1"], found


def main():
    program = sys.argv[1]
    for kind, drive in (("jira-dc", data_center), ("jira-cloud", cloud)):
        process, url = start(program, kind)
        try:
            drive(url)
        finally:
            process.stdin.close()
            process.wait(timeout=10)
        print(f"the client library drove {kind}")


main()
