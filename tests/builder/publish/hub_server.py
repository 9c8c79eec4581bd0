"""A hub on loopback: enough of the Hugging Face protocol for the real client to create, upload, tag and load.

It speaks the git-LFS transfer (`HF_HUB_DISABLE_XET=1`), keeps everything in memory and checks what it is sent.
"""

import base64
import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hf_loopback"
LFS_SUFFIXES = (".tar", ".parquet", ".png")


@dataclass
class Repository:
    """One dataset repository: a list of commits, each a whole tree of path -> content."""

    private: bool = False
    gated: Any = False
    commits: list[tuple[str, dict[str, bytes], str]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    def tree(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        wanted = self.commits[-1][0] if revision in ("main", "HEAD") else self.tags.get(revision, revision)
        return next(((oid, files) for oid, files, _ in self.commits if oid == wanted), None)


class Hub(ThreadingHTTPServer):
    """The server and its state; `fail_after` breaks off uploads once so many files arrived."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories: dict[str, Repository] = {}
        self.objects: dict[str, bytes] = {}
        self.uploads: list[str] = []
        self.fail_after: int | None = None
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """Say nothing: clients break connections off."""

    def commit(self, repository: Repository, files: dict[str, bytes], message: str) -> str:
        text = json.dumps([len(repository.commits), sorted(files), message])
        oid = hashlib.sha1(text.encode()).hexdigest()
        repository.commits.append((oid, files, message))
        return oid


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def log_message(self, *_: object) -> None:
        return

    def do_HEAD(self) -> None:
        self._read()

    def do_GET(self) -> None:
        self._read()

    def _read(self) -> None:
        path = unquote(urlsplit(self.path).path)
        query = parse_qs(urlsplit(self.path).query)
        if match := re.fullmatch(r"/datasets/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._resolve(*match.groups())
        elif match := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/tree/([^/]+)(?:/(.*))?", path):
            self._tree(match[1], match[2], match[3] or "", recursive="true" in str(query.get("recursive", "")).lower())
        elif match := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/refs", path):
            if repository := self._repository(match[1]):
                main = {"name": "main", "ref": "refs/heads/main", "targetCommit": repository.commits[-1][0]}
                tags = [{"name": n, "ref": f"refs/tags/{n}", "targetCommit": oid} for n, oid in repository.tags.items()]
                self._json({"branches": [main], "converts": [], "tags": tags})
        elif match := re.fullmatch(r"/api/datasets/([^/]+/[^/]+?)(?:/revision/([^/]+))?", path):
            if found := self._files(match[1], match[2] or "main"):
                siblings = [{"rfilename": name} for name in sorted(found[1])]
                self._json(
                    {"_id": "0", "id": match[1], "sha": found[0], "siblings": siblings, "tags": [], "private": False}
                )
        else:
            self._error(404, "EntryNotFound")

    def do_PUT(self) -> None:
        body = self._body()
        if match := re.fullmatch(r"/lfs/([0-9a-f]{64})", self.path):
            with self.server.lock:
                if self.server.fail_after is not None and len(self.server.uploads) >= self.server.fail_after:
                    self._error(403, "Interrupted")  # a status that the client does not try again
                    return
                assert hashlib.sha256(body).hexdigest() == match[1]
                self.server.objects[match[1]] = body
                self.server.uploads.append(match[1])
            self._json({})
        elif (match := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/settings", self.path)) and self._may_write():
            self.server.repositories[match[1]].gated = json.loads(body).get("gated")
            self._json({})

    def do_POST(self) -> None:
        body = self._body()
        path = unquote(urlsplit(self.path).path)
        if path == "/api/validate-yaml":
            errors = [] if json.loads(body)["content"].startswith("---\n") else [{"message": "no YAML"}]
            self._json({"errors": errors, "warnings": []})
            return
        if not self._may_write(path):
            return
        if path == "/api/repos/create":
            self._create(json.loads(body))
        elif match := re.fullmatch(r"/datasets/([^/]+/[^/]+)\.git/info/lfs/objects/batch", path):
            self._batch(json.loads(body))
        elif match := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/(preupload|commit|tag|paths-info)/(.+)", path):
            if repository := self._repository(match[1]):
                getattr(self, f"_{match[2].replace('-', '_')}")(repository, match[3], body)
        else:
            self._error(404, "EntryNotFound")

    def _create(self, asked: dict[str, Any]) -> None:
        name = f"{asked['organization']}/{asked['name']}"
        exists = name in self.server.repositories
        if not exists:
            repository = Repository(private=bool(asked.get("private")) or asked.get("visibility") == "private")
            self.server.commit(repository, {".gitattributes": b"*.tar filter=lfs\n"}, "initial commit")
            self.server.repositories[name] = repository
        self._json({"url": f"{self.server.url}/datasets/{name}", "name": name, "id": name}, 409 if exists else 200)

    def _batch(self, asked: dict[str, Any]) -> None:
        objects = []
        for item in asked["objects"]:
            answer: dict[str, Any] = {"oid": item["oid"], "size": item["size"]}
            if item["oid"] not in self.server.objects:
                answer["actions"] = {"upload": {"href": f"{self.server.url}/lfs/{item['oid']}", "header": {}}}
            objects.append(answer)
        self._json({"transfer": "basic", "objects": objects})

    def _preupload(self, repository: Repository, revision: str, body: bytes) -> None:
        files = []
        for file in json.loads(body)["files"]:
            mode = "lfs" if file["path"].endswith(LFS_SUFFIXES) else "regular"
            files.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": None})
        self._json({"files": files})

    def _commit(self, repository: Repository, revision: str, body: bytes) -> None:
        files = dict(repository.commits[-1][1])
        message = ""
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "header":
                message = f"{value['summary']}\n\n{value['description']}"
            elif entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                if value["oid"] not in self.server.objects:
                    self._error(400, "BadRequest")
                    return
                files[value["path"]] = self.server.objects[value["oid"]]
            elif entry["key"] == "deletedFile":
                del files[value["path"]]
        oid = self.server.commit(repository, files, message)
        name = next(name for name, known in self.server.repositories.items() if known is repository)
        url = f"{self.server.url}/datasets/{name}/commit/{oid}"
        self._json({"commitUrl": url, "commitOid": oid, "success": True})

    def _tag(self, repository: Repository, revision: str, body: bytes) -> None:
        name = json.loads(body)["tag"]
        found = repository.tree(revision)
        if name in repository.tags or found is None:
            self._error(409, "Conflict")
            return
        repository.tags[name] = found[0]
        self._json({})

    def _paths_info(self, repository: Repository, revision: str, body: bytes) -> None:
        try:
            asked = json.loads(body)["paths"]
        except ValueError:
            asked = parse_qs(body.decode())["paths"]
        found = repository.tree(revision)
        files = found[1] if found else {}
        entries = [_entry(path, files[path]) for path in asked if path in files]
        folders = [p for p in asked if p not in files and any(name.startswith(f"{p}/") for name in files)]
        self._json(entries + [{"type": "directory", "path": path, "oid": "0" * 40, "size": 0} for path in folders])

    def _tree(self, name: str, revision: str, below: str, *, recursive: bool) -> None:
        found = self._files(name, revision)
        if found is None:
            return
        prefix = f"{below}/" if below else ""
        entries: dict[str, dict[str, Any]] = {}
        for path, content in sorted(found[1].items()):
            if path.startswith(prefix):
                first, _, deeper = path.removeprefix(prefix).partition("/")
                if recursive or not deeper:
                    entries[path] = _entry(path, content)
                if deeper:
                    folder = {"type": "directory", "path": prefix + first, "oid": "0" * 40, "size": 0}
                    entries.setdefault(prefix + first, folder)
        if below and not entries:
            self._error(404, "EntryNotFound")
            return
        self._json(list(entries.values()))

    def _resolve(self, name: str, revision: str, path: str) -> None:
        found = self._files(name, revision)
        if found is None:
            return
        if path not in found[1]:
            self._error(404, "EntryNotFound", found[0])
            return
        content = found[1][path]
        etag = _entry(path, content).get("lfs", {}).get("oid") or _blob_id(content)
        begin, end = 0, len(content)
        if asked := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            begin = int(asked[1])
            end = min(end, int(asked[2]) + 1 if asked[2] else end)
        self.send_response(206 if asked else 200)
        self.send_header("X-Repo-Commit", found[0])
        self.send_header("ETag", f'"{etag}"')
        self.send_header("Accept-Ranges", "bytes")
        if asked:
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(content)}")
        self.send_header("Content-Length", str(end - begin))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content[begin:end])

    def _files(self, name: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
        repository = self._repository(name)
        found = repository.tree(revision) if repository else None
        if repository and found is None:
            self._error(404, "RevisionNotFound")
        return found

    def _repository(self, name: str) -> Repository | None:
        repository = self.server.repositories.get(name)
        if repository is None:
            self._error(404, "RepoNotFound")
        return repository

    def _may_write(self, path: str = "") -> bool:
        if "paths-info" in path or self.headers.get("Authorization") == f"Bearer {TOKEN}":
            return True
        self._error(401, "Unauthorized")
        return False

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _json(self, value: Any, status: int = 200) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _error(self, status: int, code: str, commit: str = "") -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", code)
        if commit:
            self.send_header("X-Repo-Commit", commit)
        self.send_header("Content-Length", "0")
        self.end_headers()


def _entry(path: str, content: bytes) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "file", "path": path, "size": len(content), "oid": _blob_id(content)}
    if path.endswith(LFS_SUFFIXES):
        entry["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
    return entry


def _blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
