"""What differs between boto3 and aiobotocore, for which the tool does not exchange the one for the other.

moto with its server and aiobotocore with the boto3 of its choice take 330 MB, so they are not among the development packages:
`pip install 'aiobotocore[boto3]' 'moto[server]'` in an environment of its own runs this. When one of these no longer differs, the
reason in docs/explanation/other-libraries.md has to be looked at again.
"""

from pathlib import Path

import pytest

PAGE = Path(__file__).parent.parent / "docs" / "explanation" / "other-libraries.md"
DIFFERING = {
    "a waiter",
    "upload_fileobj",
    "download_fileobj",
    "upload_file",
    "download_file",
    "generate_presigned_url as it is called",
    "a file-like Body",
    "Body.readline()",
    "Body.set_socket_timeout(1)",
    "a body that ends early",
    "more open bodies than max_pool_connections",
    "pages in a plain for",
    "boto3.resource",
    "a client as it is made",
    "a client on a second event loop",
    "moto's mock_aws",
    "a file that is sent is read on the event loop",
}


def test_what_differs():
    for package in ("boto3", "aiobotocore", "moto.server"):
        pytest.importorskip(package, reason=f"{package} is not installed: pip install 'aiobotocore[boto3]' 'moto[server]'")
    from aws_forms import asked_aws

    rows = list(asked_aws())
    assert {name for name, before, after in rows if before != after} == DIFFERING
    assert len(rows) - len(DIFFERING) > 40
    after = {name: text for name, _, text in rows}
    assert after["more open bodies than max_pool_connections"].startswith("TimeoutError")  # it would wait for ever


def test_the_page_names_each_difference():
    page = PAGE.read_text()
    assert [name for name in DIFFERING if f"| {name} |" not in page] == []
