"""The README against the code: its settings, its five ways to sign a token, and its two languages against each other."""

import os
import re
import shutil
import subprocess
import sys
import time

import pytest

from tests.web.readme import READMES, blocks, headings, tables
from tests.wire.server import SECRET
from web.setting import OPTIONS
from web.token import TokenSigner

TEXTS = {language: path.read_text() for language, path in READMES.items()}
GO = """package main
import ("crypto/hmac"; "crypto/sha256"; "encoding/base64"; "encoding/json"; "fmt"; "os"; "time")
func main() {
%s
fmt.Print(token)
}
"""
JAVA = """import java.time.Instant;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import static java.nio.charset.StandardCharsets.UTF_8;
class Sign { public static void main(String[] args) throws Exception {
%s
System.out.print(token);
} }
"""
LANGUAGES = {
    "python": ("sign.py", "%s\nprint(token, end='')", [sys.executable]),
    "js": ("sign.js", "%s\nprocess.stdout.write(token)", ["node"]),
    "php": ("sign.php", "<?php\n%s\necho $token;", ["php"]),
    "go": ("sign.go", GO, ["go", "run"]),
    "java": ("Sign.java", JAVA, ["java", "-Dfile.encoding=UTF-8"]),
}
"""A file, what stands around the lines of the README in it, and the program that runs it."""


def shown(default: object) -> str:
    """A default as the table has it."""
    match default:
        case None | ():
            return ""
        case bool():
            return "on" if default else "off"
        case float():
            return f"{default:g}"
        case _:
            return str(default)


@pytest.mark.parametrize("language", TEXTS)
def test_the_table_of_settings_is_the_one_of_the_code(language):
    [table] = [table for table in tables(TEXTS[language]) if table[1][0] == "`--host`"]
    rows = [row[:4] for row in table[1:]]
    assert [row[:3] for row in rows] == [[f"`{option.flag}`", shown(option.default), option.unit] for option in OPTIONS]
    if language == "en":
        assert [row[3] for row in rows] == [option.meaning for option in OPTIONS]


def test_both_languages_have_the_same_sections_tables_and_code():
    en, zh = TEXTS["en"], TEXTS["zh"]
    assert headings(en) == headings(zh)
    assert blocks(en) == blocks(zh)
    assert [[len(row) for row in table] for table in tables(en)] == [[len(row) for row in table] for table in tables(zh)]
    figures = [re.findall(r"<!-- figures of make faults -->.*<!-- end of figures -->", text, re.DOTALL) for text in (en, zh)]
    assert figures[0] == figures[1]


def test_every_path_that_the_readme_names_is_there():
    for language, path in READMES.items():
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", TEXTS[language]):
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_lines_that_sign_a_token_sign_one_that_dibs_takes(language, tmp_path):
    name, around, command = LANGUAGES[language]
    [code] = [text for kind, text in blocks(TEXTS["en"]) if kind == language and "HS256" in text]
    assert len(code.splitlines()) <= 5
    if shutil.which(command[0]) is None:
        assert os.environ.get("CI") != "true", f"{command[0]} is missing, and CI brings it"
        pytest.skip(f"no {command[0]} on this machine")
    (tmp_path / name).write_text(around % code)
    home = {"HOME": str(tmp_path), "GOCACHE": str(tmp_path / "go"), "GOFLAGS": "-mod=mod", "GO111MODULE": "off"}
    done = subprocess.run(
        [*command, name],
        check=False,
        cwd=tmp_path,
        env=os.environ | home | {"DIBS_SECRET": SECRET},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    identity = TokenSigner(SECRET.encode()).verify(done.stdout, time.time())
    assert (identity.id, identity.role, identity.name) == ("u42", "user", "小明")
    assert 0 <= time.time() - identity.issued_s < 60
