"""Secrets in text that is recorded or printed: passwords, tokens, keys."""

import re
from functools import lru_cache

MASK = "***"
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_KEYS = "access|account|api|encryption|license|master|private|secret|signing|ssh"
# What such a name ends with if its value is about a secret and is none.
_ABOUT = (
    "class|count|dim|dir|enabled|env|field|file|id|ids|len|length|max|min|name|num|path|pattern"
    "|policy|provider|required|size|type|uri|url|var"
)
_SECRET = re.compile(
    rf".*(?:password|passwd|passphrase|secret|credential|(?:{_KEYS})_?key)s?"
    rf"(?:_(?!(?:\w+_)?(?:{_ABOUT})$)\w+)?"
)
# Words that are ordinary elsewhere: in text, a token is a word, and has a size.
_SECRET_AT_END = re.compile(
    r"(?:.*_)?(?:\w*token|o?auth|authorization)"
    r"(?:_(?:\d+|dev|header|key|prod|production|secret|staging|string|test|v|value))*"
)
_TOKEN_OF_TEXT = re.compile(
    r"(?:.*_)?(?:bos|class|cls|current|dist|end|eos|first|image|last|mask|max|min|n|new|next|num"
    r"|pad|patch|per|prev|reg|register|sep|special|start|stop|sub|text|unk|word)_?token(?:_\d+)?"
)
_PLAIN = re.compile(  # says nothing, names a type or a variable, or is masked already
    r"(?:~|any|bool|bytes|false|float|int|no|none|null|off|on|str|string|tensor|true|yes"
    r"|\$[A-Z_]+|\$\{[A-Z_]+\}|\*\*\*)?[),;:\]}]*+",
    re.IGNORECASE,
)
_INDEX = re.compile(r"\d{1,4}[),;:\]}]*+")  # that of a token in a vocabulary

# The expressions below take time in proportion to the text, whatever it is: parts that repeat are
# possessive or bounded, and begin where no other match of the same part can have begun.
_PRIVATE_KEY = re.compile(
    r"(-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----)(?!\*\*\*)"
    r"(?:[^-]|-(?!----)){0,10000}+(?:-?(-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----))?"
)
_ADDRESS = re.compile(r"(?<![A-Za-z0-9])([A-Za-z][A-Za-z0-9+.\-]{0,30}://)(\S++)")
_AUTHORITY_END = re.compile(r"[\"'<>`/?#]")
_OPAQUE = re.compile(r"(?=\D*\d)[\w-]{20,}")
_TOKEN = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"gh[a-z]_\w{16,}+|github_pat_\w{16,}+|gl[a-z]{2,5}-[\w.-]{16,}+|hf_[A-Za-z0-9]{16,}+"
    r"|xox[a-z](?:\.xox[a-z])?-[\w-]{10,}+|xapp-[\w-]{10,}+|A(?:KI|SI)A[A-Z0-9]{16}|sk-[\w-]{16,}+"
    r"|(?<![\w-])eyJ[\w-]{5,}+\.[\w-]{5,}+(?:\.[\w-]*+)*+"  # JSON Web Token
    r")"
)
_NAME = re.compile(
    r"(?<![\w.\-])(?=[\w.\-]{0,120}?(?:passw|passphrase|secret|token|key|credential|auth))"
    r"(?P<name>[\w.\-]++)\\*+[\"'\])]{0,2}(?P<sign>"
    r"[ \t]*+(?::[ \t]*+(?:(?:str|bytes|SecretStr|Optional\[str\])(?:[ ]*\|[ ]*None)?[ \t]*+="
    r"(?!=)|(?![:/=])|=)|=>|\+?=(?!=))[ \t]*+|[ \t]++)",
    re.IGNORECASE,
)
_VALUE = re.compile(
    r"(?P<open>(?:(?:basic|bearer|token)[ \t]++)?(?:[bfru]{0,2}(?=\\*[\"']))?)(?:"
    r"(?P<escaped>\\++[\"'])(?:(?!(?P=escaped))[^\n])*+(?P=escaped)?"
    r"|(?P<quote>'''|\"\"\"|[\"'])(?:\\.|(?!(?P=quote))[^\n])*+(?P<close>(?P=quote))?"
    # What a shell joins to it, without a space.
    r"(?:\\.|(?P<more>[\"'])(?:\\.|(?!(?P=more))[^\n])*+(?P=more)?|[\w$][^\s\"'`&,;)\]}\\]*+)*+"
    r"|(?:[^\s\"'`&]|[\"'](?:\\.|[^\"'\n\\])*+[\"'])++)",
    re.IGNORECASE,
)
_LINE = re.compile(r"[^\n]*+")
_TO_QUOTE = {"'": re.compile(r"(?:\\.|[^'\n\\])*+"), '"': re.compile(r'(?:\\.|[^"\n\\])*+')}
_PROSE = re.compile(r"(?:--|-\w\b|(?:->|and|are|belongs|cannot|in|is|must|needs|or|was)\b)")
_INDENT = 80  # characters before a name at the beginning of a line


def masked(text: str) -> str:
    """Replace what a text holds of secrets by `***`.

    Secrets are the password in an address, tokens of known shape, private keys, and values whose
    name says so, in code, YAML, JSON, a command or a diff. In doubt a value is one.

    Args:
        text: Any text.

    Returns:
        The text without them; masked again, it stays as it is.
    """
    text = _PRIVATE_KEY.sub(lambda found: f"{found[1]}{MASK}{found[2] or ''}", text)
    text = _ADDRESS.sub(_masked_address, text)
    text = _TOKEN.sub(MASK, text)
    parts, end = [], 0
    for found in _NAME.finditer(text):
        if found.start() >= end and (value := _masked_value(text, found)):
            shown, next_end = value
            parts += [text[end : found.end()], shown]
            end = next_end
    return "".join([*parts, text[end:]])


def hides(name: str, value: str) -> bool:
    """Tell whether a value is to be masked because of its name.

    Args:
        name: Name of a setting or a variable, dotted or not.
        value: Its value as text.

    Returns:
        True if the name says that it is a secret, and the value is not empty or obviously none.
    """
    kind = _kind(name)
    if not kind or _PLAIN.fullmatch(value):
        return False
    return kind == "always" or not _INDEX.fullmatch(value)


@lru_cache(4096)
def _kind(name: str) -> str:
    words = "_".join(_WORDS.findall(name[-120:].rpartition(".")[2])).lower()
    if _SECRET.fullmatch(words):
        return "always"
    return "mostly" if _SECRET_AT_END.fullmatch(words) and not _TOKEN_OF_TEXT.match(words) else ""


def _masked_value(text: str, found: re.Match[str]) -> tuple[str, int] | None:
    """Mask the value after a name, and tell where it ends; None if it is no secret."""
    name, sign = found["name"], found["sign"]
    if not _kind(name) or text.startswith(f"{MASK}@", found.end()):  # that of an address
        return None
    if sign.isspace() and (not name.startswith("--") or _PROSE.match(text, found.end())):
        return None
    if whole := _whole(text, found):
        value = whole.match(text, found.end())
        return (MASK, value.end()) if value and hides(name, value[0].strip()) else None
    value = _VALUE.match(text, found.end())
    if value is None:
        return None
    around = value["escaped"] or value["quote"] or ""
    inner = value[0][len(value["open"] + around) :].removesuffix(around)
    if not hides(name, inner):
        return None
    bare = inner.rstrip("),;]}") if not around else inner
    return f"{value['open']}{around}{MASK}{around or inner[len(bare) :]}", value.end()


def _whole(text: str, found: re.Match[str]) -> re.Pattern[str] | None:
    """Choose what finds the end of a value that may have spaces without quotes of its own."""
    opened = text[found.start() - 1 : found.start()]
    if opened in _TO_QUOTE and text[found.end("name")] != opened:  # around name and value
        return _TO_QUOTE[opened]
    begin = max(found.start() - _INDENT, 0)
    line = text.rfind("\n", begin, found.start()) + 1
    if (not line and begin) or text[line : found.start()].strip("+- \t"):
        return None
    sign = found["sign"]  # as in YAML
    spaced = sign[-1:].isspace() and (":" in sign or ("=" in sign and sign[0].isspace()))
    return _LINE if spaced and text[found.end() : found.end() + 1] not in ("'", '"', "\\") else None


def _masked_address(found: re.Match[str]) -> str:
    scheme, rest = found.groups()
    end = _AUTHORITY_END.search(rest)
    authority = rest[: end.start()] if end else rest
    if "@" not in authority:  # perhaps the password has a sign that ends an address
        if ":" not in authority or re.match(r"[^:]*:\d*$", authority):
            return found[0]
        authority = rest
    access, at, _ = authority.rpartition("@")
    if not at:
        return found[0]
    user, colon, _ = access.partition(":")
    user = MASK if _OPAQUE.fullmatch(user) else user
    return f"{scheme}{user}{colon}{MASK if colon else ''}{rest[len(access) :]}"
