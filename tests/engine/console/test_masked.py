"""What counts as a secret in text, and what does not."""

import time

import pytest

from src.engine.console.masked import hides, masked

SECRET = "hunter2X"
NAMED = [
    "WANDB_API_KEY=hunter2X python -m src.train",
    "export TOKEN=hunter2X",
    "PGPASSWORD=hunter2X",
    "DB_PASSWORD_PROD=hunter2X",
    "--trainer.logger.api_key hunter2X --seed 1",
    "--x.api_key=hunter2X",
    "'--x.password=a hunter2X'",
    "PASSWORD='a'\\''hunter2X'",
    '{"api_key": "hunter2X", "lr": 1}',
    r"\"api_key\": \"hunter2X\", \"lr\": 1",
    '"cmd": "password=\\"a hunter2X\\" --x"',
    "+  api_key: correct hunter2X battery",
    "-    password = 'hunter2X'",
    'def f(password: str = "hunter2X", n=2):',
    "client_secret = hunter2X  # of mine",
    "os.environ['API_KEY'] = 'hunter2X'",
    "privateKey: hunter2X",
    "AccountKey=hunter2X;x=y",
    "host=h password=hunter2X dbname=x",
    "https://host/path?access_token=hunter2X&b=2",
    "curl -H 'Authorization: Bearer hunter2X' http://host",
    "auth: [me, hunter2X]",
]
ADDRESSES = {
    "postgresql+psycopg://me:hunter2X@host/db": "postgresql+psycopg://me:***@host/db",
    "redis://:hunter2X@host:1/0": "redis://:***@host:1/0",
    "mysql://me:a@hunter2X@host/db": "mysql://me:***@host/db",
    "mysql://me:a/hunter2X@host/db": "mysql://me:***@host/db",
    "mysql://me:a'hunter2X@host/db": "mysql://me:***@host/db",
    "git+https://me:hunter2X@host/x@v1": "git+https://me:***@host/x@v1",
    "https://x-access-token:hunter2X@host/x": "https://x-access-token:***@host/x",
    "https://0123456789abcdef0123hunter2X@host/x": "https://***@host/x",
}
TOKENS = [
    f"ghp_{'aB3' * 12}",
    f"github_pat_{'aB3' * 12}",
    f"glpat-{'aB3' * 7}",
    f"xoxb-1234567890-{'aB3' * 4}",
    f"AKIA{'AB3D' * 4}",
    f"sk-ant-api03-{'aB3' * 12}",
    f"hf_{'aB3' * 11}",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
]
ORDINARY = [
    "token_size: 128",
    "num_tokens=5",
    "max_tokens: 10",
    "tokenizer: bert",
    "author: me",
    "pad_token: <pad>",
    "token: 5",
    "use_auth_token: true",
    "password: null",
    "def f(token: str, n: int):",
    "private_key_path: /x",
    "primary_key: x",
    "--model.password is not an option",
    "if token == end:",
    "git@github.com:o/r.git",
    "ssh://git@github.com/o/r",
    "http://localhost:8000/@me",
    "https://github.com/@me",
]
HOSTILE = ["password", "password_", "password: ", "password='", "--token ", "secret_size ", "key:"]
HOSTILE += [
    "a://a:",
    "https://a@",
    "eyJ-",
    "-----BEGIN PRIVATE KEY-----",
    "a.",
    "-",
    " ",
    '"',
    "\\",
]
BEGIN, END = "-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize("text", NAMED)
def test_value_whose_name_says_so_is_masked(text: str) -> None:
    assert SECRET not in masked(text)
    assert "***" in masked(text)


@pytest.mark.parametrize(("address", "shown"), ADDRESSES.items())
def test_address_keeps_all_but_its_password(address: str, shown: str) -> None:
    assert masked(f"cannot reach {address} now") == f"cannot reach {shown} now"


@pytest.mark.parametrize("token", TOKENS)
def test_token_is_known_by_its_shape(token: str) -> None:
    assert masked(f"+see {token}, {token}") == "+see ***, ***"


@pytest.mark.parametrize("lead", ["", "+", "-", "    "])
def test_private_key_is_masked_in_a_diff(lead: str) -> None:
    text = "".join(f"{lead}{line}\n" for line in (BEGIN, "MIIEow", "IBAAKC", END, "after"))
    assert masked(text) == f"{lead}{BEGIN}***{END}\n{lead}after\n"
    assert "MIIEow" not in masked(text.partition("IBAAKC")[0])


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays(text: str) -> None:
    assert masked(text) == text


def test_rest_of_text_stays() -> None:
    text = '{"a": 1, "api_key": "x", "b": 2}\nlr: 1\npassword: x\nlr: 2\n'
    assert masked(text) == '{"a": 1, "api_key": "***", "b": 2}\nlr: 1\npassword: ***\nlr: 2\n'


@pytest.mark.parametrize("text", [*NAMED, *ADDRESSES, *TOKENS, f"{BEGIN}\nMIIE", f"a\n{BEGIN}"])
def test_masked_text_stays(text: str) -> None:
    once = masked(f"{text} {text}\n{text}")
    assert masked(once) == once


@pytest.mark.parametrize("part", HOSTILE)
def test_hostile_text_takes_no_longer(part: str) -> None:
    started = time.process_time()
    masked(part * (1_000_000 // len(part)))
    assert time.process_time() - started < 2  # a quadratic expression takes minutes


def test_name_hides_what_may_be_secret() -> None:
    assert hides("trainer.logger.api_key", "x")
    assert hides("password", "1234")
    assert not hides("token", "1234")
    assert not hides("trainer.api_key.name", "x")
