"""Publish a dataset's folder to a hub, with the hub's own client."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow.parquet as pq

from builder.package.contents import DatasetContents, read_contents, write_contents
from builder.package.replace import replaced
from builder.package.seal import fingerprint_of
from builder.publish.changelog import changelog_entry, merge_changes
from builder.publish.difference import Difference, RemoteFile, compare
from mma_bench.dataset.integrity import verify_data
from mma_bench.dataset.integrity.files import dataset_files
from mma_bench.dataset.layout import CHECKSUMS
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import write_text

if TYPE_CHECKING:
    from huggingface_hub import HfApi

Gate = Literal["auto", "manual"]
_HISTORY = {"CHANGES.md", CHECKSUMS}  # follow from the rest, and are not a new version by themselves
_HUB_OWN = {".gitattributes"}


@dataclass(frozen=True)
class Publication:
    """What was published, or would be.

    Attributes:
        repository: `ORG/NAME`.
        tag: tag of the version.
        difference: files to add, change and delete.
        changelog: lines for this version.
        commit: id of the commit; none after a dry run or if nothing had to change.
    """

    repository: str
    tag: str
    difference: Difference
    changelog: Sequence[str]
    commit: str | None


def publish_dataset(
    data: Path,
    repository: str,
    *,
    version: str | None = None,
    notes: Sequence[str] = (),
    gated: Gate | None = None,
    private: bool = False,
    dry_run: bool = False,
) -> Publication:
    """Make the hub's repository equal to the folder ``data``, in one commit, and tag it.

    Large files are uploaded before the commit, and the hub keeps those that arrived: an interrupted publication uploads
    only the rest when started again, and until the commit, readers see the previous version.

    Args:
        data: folder of a dataset; it must pass `verify_data`.
        repository: `ORG/NAME`, created if it does not exist.
        version: version of the dataset; by default the one it was built with.
        notes: lines for the changelog.
        gated: whether readers must request access, and how it is granted.
        private: whether a new repository is private.
        dry_run: change nothing, neither here nor on the hub.

    Raises:
        MMABenchError: the dataset is damaged, the version exists with other content, or the hub rejects the upload.
    """
    from huggingface_hub import HfApi

    if problems := verify_data(data):
        raise MMABenchError(
            f"{data} has {len(problems)} problems, the first: {problems[0]}; see `mma-bench verify-data {data}`"
        )
    contents = read_contents(data)
    version = version or contents.settings.version
    tag = f"v{version}"
    api = HfApi()
    with _hub_errors(repository):
        files, tags = _remote_state(api, repository)
        difference = compare(data, dataset_files(data) | {CHECKSUMS}, files)
        entry = changelog_entry(_remote_clips(api, repository, files), {clip.clip_id for clip in contents.clips}, notes)
        news = {*difference.added, *difference.changed, *difference.deleted} - _HISTORY
        if tag in tags and (news or version != contents.settings.version):
            raise MMABenchError(f"{repository} has a version {version} with other content; give a new one by --version")
        if dry_run or (not news and tag in tags):
            return Publication(repository, tag, difference, entry, None)
        if news:
            _write_version(data, contents, repository, version, _remote_text(api, repository, files), entry)
        api.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
        if gated:
            api.update_repo_settings(repository, repo_type="dataset", gated=gated)
        difference = compare(data, dataset_files(data) | {CHECKSUMS}, files)
        commit = _commit(api, data, repository, difference, f"Publish {tag}", entry) if difference else None
        api.create_tag(repository, tag=tag, tag_message="\n".join(entry), repo_type="dataset", revision=commit)
    return Publication(repository, tag, difference, entry, commit)


def _commit(api: "HfApi", data: Path, repository: str, difference: Difference, title: str, entry: Sequence[str]) -> str:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    additions = [CommitOperationAdd(name, data / name) for name in (*difference.added, *difference.changed)]
    api.preupload_lfs_files(repository, additions, repo_type="dataset", free_memory=False)
    deletions = [CommitOperationDelete(name) for name in difference.deleted]
    commit = api.create_commit(
        repository,
        [*additions, *deletions],
        commit_message=title,
        commit_description="\n".join(f"- {line}" for line in entry),
        repo_type="dataset",
    )
    return str(commit.oid)


def _write_version(
    data: Path, contents: DatasetContents, repository: str, version: str, history: str | None, entry: Sequence[str]
) -> None:
    """Write version, repository and history into the dataset before it is uploaded."""
    settings: dict[str, Any] = {**contents.provenance["config"]["package"], "version": version, "hub_name": repository}
    config = {**contents.provenance["config"], "package": settings}
    with replaced(data, fingerprint_of(data)) as staging:
        if config != contents.provenance["config"]:
            write_contents(staging, replace(contents, provenance={**contents.provenance, "config": config}))
        changes = (staging / "CHANGES.md").read_text(encoding="utf-8")
        write_text(staging / "CHANGES.md", merge_changes(changes, history, version, entry))


def _remote_state(api: "HfApi", repository: str) -> tuple[dict[str, RemoteFile], set[str]]:
    from huggingface_hub.errors import RepositoryNotFoundError
    from huggingface_hub.hf_api import RepoFile

    try:
        found = [
            f for f in api.list_repo_tree(repository, recursive=True, repo_type="dataset") if isinstance(f, RepoFile)
        ]
        tags = {ref.name for ref in api.list_repo_refs(repository, repo_type="dataset").tags}
    except RepositoryNotFoundError:
        return {}, set()
    files = {f.path: RemoteFile(f.blob_id, f.lfs.sha256 if f.lfs else None, f.size) for f in found}
    return {path: file for path, file in files.items() if path not in _HUB_OWN}, tags


def _remote_clips(api: "HfApi", repository: str, files: dict[str, RemoteFile]) -> set[str] | None:
    where = "metadata/clips.parquet"
    if where not in files:
        return None
    try:
        table = pq.read_table(api.hf_hub_download(repository, where, repo_type="dataset"), columns=["clip_id"])
    except ValueError:
        return None
    return set(table.column("clip_id").to_pylist())


def _remote_text(api: "HfApi", repository: str, files: dict[str, RemoteFile]) -> str | None:
    if "CHANGES.md" not in files:
        return None
    path = api.hf_hub_download(repository, "CHANGES.md", repo_type="dataset")
    return Path(path).read_text(encoding="utf-8", errors="replace")


@contextmanager
def _hub_errors(repository: str) -> Iterator[None]:
    """Turn errors of the hub or the network into one line."""
    from httpx2 import HTTPError
    from huggingface_hub.errors import HfHubHTTPError

    try:
        yield
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else "no answer"
        raise MMABenchError(
            f"the hub refused {repository} ({status}: {str(error).splitlines()[0]}); run `hf auth login` or set "
            "HF_TOKEN to a token that may write there; interrupted uploads resume when run again"
        ) from error
    except (HTTPError, RuntimeError, ValueError) as error:
        why = error.__cause__ or error
        raise MMABenchError(
            f"publishing {repository} was interrupted ({type(why).__name__}: {str(why).splitlines()[0]}); "
            "run the same command again, it uploads only what is missing"
        ) from error
