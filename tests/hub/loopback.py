"""A server on loopback that speaks as much of the Hub's API as huggingface_hub 2.4 asks for, and can be made to fail.

The Hub itself and the storage that it redirects to are two servers on two ports, as they are two hosts in the world.
"""

import base64
import collections
import hashlib
import json
import re
import threading
import urllib.parse
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import yaml

LARGE_FILES = (".safetensors", ".pkl", ".jpg", ".png")
TOKENS = {"hf_alice": "alice", "hf_bob": "bob"}
_RESOLVE = re.compile(r"/(?:(spaces|datasets)/)?([\w.-]+/[\w.-]+)/resolve/([^/]+)/(.+)")
_API = re.compile(r"/api/models/([\w.-]+/[\w.-]+)(?:/(preupload|commit|revision)/([^/]+))?")
_BATCH = re.compile(r"/([\w.-]+/[\w.-]+)\.git/info/lfs/objects/batch")


@dataclass
class Repo:
    """One repository: its files by name, and who may see it."""

    files: dict[str, bytes] = field(default_factory=dict)
    private: bool = False
    gated: bool = False

    @property
    def revision(self) -> str:
        digest = hashlib.sha1()
        for name, content in sorted(self.files.items()):
            digest.update(name.encode() + hashlib.sha256(content).digest())
        return digest.hexdigest()

    @property
    def card(self) -> dict:
        text = self.files.get("README.md", b"").decode()
        return yaml.safe_load(text.split("---")[1]) if text.startswith("---") else {}


@dataclass
class Hub:
    """The state of both servers.

    Args:
        repos: by type and id, as ("model", "alice/one").
        statuses: to answer the next requests for files with, before anything else is looked at.
        cuts: per file's hash, after how many bytes of the next answers the connection is cut.
        stored: what the storage holds, by hash, where it differs from the repository's content.
        requests: method, path and headers of every request to the Hub.
        transfers: hash, first byte asked for, and headers of every download from the storage.
    """

    repos: dict[tuple[str, str], Repo] = field(default_factory=dict)
    statuses: collections.deque = field(default_factory=collections.deque)
    cuts: dict[str, list[int]] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str, dict]] = field(default_factory=list)
    transfers: list[tuple[str, int, dict]] = field(default_factory=list)
    url: str = ""
    storage_url: str = ""

    def add(self, repo_id: str, files: dict[str, bytes], kind: str = "model", **values) -> Repo:
        self.repos[kind, repo_id] = Repo(dict(files), **values)
        return self.repos[kind, repo_id]

    def content(self, oid: str) -> bytes | None:
        if oid in self.stored:
            return self.stored[oid]
        for repo in self.repos.values():
            for content in repo.files.values():
                if hashlib.sha256(content).hexdigest() == oid:
                    return content
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def send(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_json(self, value: object, status: int = 200) -> None:
        self.send(status, json.dumps(value).encode(), Content_Type="application/json")

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))


class _HubHandler(_Handler):
    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self._note()
        path, _, query = self.path.partition("?")
        path = urllib.parse.unquote(path)
        if found := _RESOLVE.fullmatch(path):
            return self._resolve(*found.groups())
        if path == "/api/models":
            return self._list(urllib.parse.parse_qs(query))
        if path == "/api/whoami-v2":
            return self.send_json({"name": self._user()}) if self._user() else self._denied(401)
        if found := _API.fullmatch(path):
            return self._info(found[1])
        return self.send(200, b"hello")

    def do_POST(self) -> None:
        self._note()
        path, body = urllib.parse.unquote(self.path.partition("?")[0]), self.body()
        if path == "/api/validate-yaml":
            return self._validate(json.loads(body)["content"])
        if self._user() is None:
            return self._denied(401)
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if found := _BATCH.fullmatch(path):
            return self._batch(json.loads(body))
        found = _API.fullmatch(path)
        if found[2] == "preupload":
            files = json.loads(body)["files"]
            modes = [{"path": file["path"], "shouldIgnore": False} for file in files]
            for file in modes:
                file["uploadMode"] = "lfs" if file["path"].endswith(LARGE_FILES) else "regular"
            return self.send_json({"files": modes})
        return self._commit(found[1], [json.loads(line) for line in body.splitlines()])

    def _note(self) -> None:
        self.hub.requests.append((self.command, self.path, {key.lower(): self.headers[key] for key in self.headers}))

    def _user(self) -> str | None:
        return TOKENS.get(self.headers.get("Authorization", "").removeprefix("Bearer "))

    def _denied(self, status: int, code: str = "", message: str = "no") -> None:
        headers = {"X_Error_Message": message, **({"X_Error_Code": code} if code else {})}
        self.send(status, json.dumps({"error": message}).encode(), **headers)

    def _resolve(self, kind: str | None, repo_id: str, revision: str, name: str) -> None:
        if self.hub.statuses:
            return self._denied(self.hub.statuses.popleft())
        repo = self.hub.repos.get(((kind or "models")[:-1], repo_id))
        if repo is None or (repo.private and self._user() != repo_id.partition("/")[0]):
            return self._denied(401, "RepoNotFound")
        if repo.gated and self._user() is None:
            return self._denied(403, "GatedRepo", "Access to this model is restricted")
        if revision not in ("main", repo.revision):
            return self._denied(404, "RevisionNotFound")
        if name not in repo.files:
            self.send(404, X_Error_Code="EntryNotFound", X_Repo_Commit=repo.revision)
            return None
        content = repo.files[name]
        oid = hashlib.sha256(content).hexdigest()
        if not name.endswith(LARGE_FILES):
            etag = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            return self.send(200, content, ETag=f'"{etag}"', X_Repo_Commit=repo.revision)
        return self.send(
            302,
            Location=f"{self.hub.storage_url}/{oid}?signature=abc",
            X_Repo_Commit=repo.revision,
            X_Linked_Etag=f'"{oid}"',
            X_Linked_Size=str(len(content)),
        )

    def _info(self, repo_id: str) -> None:
        repo = self.hub.repos.get(("model", repo_id))
        if repo is None or (repo.private and self._user() != repo_id.partition("/")[0]):
            return self._denied(401, "RepoNotFound")
        return self.send_json(self._describe(repo_id, repo))

    def _describe(self, repo_id: str, repo: Repo) -> dict:
        return {
            "id": repo_id,
            "sha": repo.revision,
            "private": repo.private,
            "tags": repo.card.get("tags", []),
            "cardData": repo.card,
            "siblings": [{"rfilename": name} for name in repo.files],
        }

    def _list(self, query: dict[str, list[str]]) -> None:
        if self.hub.statuses:
            return self._denied(self.hub.statuses.popleft())
        wanted, limit = set(query.get("filter", [])), int(query.get("limit", ["1000"])[0])
        found = [
            self._describe(repo_id, repo)
            for (kind, repo_id), repo in self.hub.repos.items()
            if kind == "model" and wanted <= set(repo.card.get("tags", [])) and not repo.private
        ]
        return self.send_json(found[:limit])

    def _validate(self, content: str) -> None:
        try:
            front = yaml.safe_load(content.split("---")[1])
            errors = [] if isinstance(front, dict) and front.get("license") else [{"message": "no license"}]
        except (IndexError, yaml.YAMLError) as error:
            errors = [{"message": str(error)}]
        self.send_json({"errors": errors, "warnings": []}, 400 if errors else 200)

    def _create(self, wanted: dict) -> None:
        owner = wanted.get("organization") or self._user()
        repo_id = f"{owner}/{wanted['name']}"
        if owner != self._user():
            return self._denied(403)
        if ("model", repo_id) in self.hub.repos:
            return self.send_json({"error": "exists", "url": f"{self.hub.url}/{repo_id}"}, 409)
        self.hub.add(repo_id, {}, private=wanted.get("visibility") == "private")
        return self.send_json({"url": f"{self.hub.url}/{repo_id}"})

    def _batch(self, wanted: dict) -> None:
        uploads = [
            {**item, "actions": {"upload": {"href": f"{self.hub.storage_url}/{item['oid']}"}}}
            for item in wanted["objects"]
        ]
        self.send_json({"transfer": "basic", "objects": uploads})

    def _commit(self, repo_id: str, lines: list[dict]) -> None:
        repo = self.hub.repos.get(("model", repo_id))
        if repo is None or repo_id.partition("/")[0] != self._user():
            return self._denied(403)
        for line in lines:
            if line["key"] == "file":
                repo.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            elif line["key"] == "lfsFile":
                repo.files[line["value"]["path"]] = self.hub.stored[line["value"]["oid"]]
        address = f"{self.hub.url}/{repo_id}/commit/{repo.revision}"
        return self.send_json({"commitUrl": address, "commitOid": repo.revision, "pullRequestUrl": None})


class _StorageHandler(_Handler):
    def do_GET(self) -> None:
        oid = self.path[1:65]
        content = self.hub.content(oid)
        first = int(re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "bytes=0-"))[1])
        self.hub.transfers.append((oid, first, {key.lower(): self.headers[key] for key in self.headers}))
        if content is None:
            return self.send(404)
        total, rest = len(content), content[first:]
        headers = {"Content_Length": str(len(rest)), "ETag": f'"{oid}"'}
        if first:
            headers["Content_Range"] = f"bytes {first}-{total - 1}/{total}"
        if cuts := self.hub.cuts.get(oid):
            rest = rest[: cuts.pop(0)]
            self.close_connection = True
        return self.send(206 if first else 200, rest, **headers)

    def do_PUT(self) -> None:
        content, oid = self.body(), self.path[1:65]
        if hashlib.sha256(content).hexdigest() != oid:
            return self.send(400)
        self.hub.stored[oid] = content
        return self.send(200)


class LoopbackHub:
    """Both servers, for the length of a ``with`` block."""

    def __enter__(self) -> Hub:
        hub = Hub()
        self.servers = []
        for handler in (_HubHandler, _StorageHandler):
            bound = type(handler.__name__, (handler,), {"hub": hub})
            self.servers.append(ThreadingHTTPServer(("127.0.0.1", 0), bound))
            threading.Thread(target=self.servers[-1].serve_forever, args=(0.05,), daemon=True).start()
        hub.url, hub.storage_url = (f"http://127.0.0.1:{server.server_port}" for server in self.servers)
        return hub

    def __exit__(self, *_: object) -> None:
        for server in self.servers:
            server.shutdown()
            server.server_close()
