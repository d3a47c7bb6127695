#!/usr/bin/env python3
"""Makes wheels/lpwords-1.0-py3-none-any.whl of package/lpwords, with the standard library alone."""
import base64
import hashlib
import pathlib
import zipfile

NAME, VERSION = "lpwords", "1.0"
here = pathlib.Path(__file__).resolve().parent
info = f"{NAME}-{VERSION}.dist-info"
sources = sorted((here / "package" / NAME).glob("*.py"))
files = {f"{NAME}/{path.name}": path.read_bytes() for path in sources}
files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\n".encode()
files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: make-wheel\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
record = ""
for path, content in files.items():
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    record += f"{path},sha256={digest},{len(content)}\n"
files[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
(here / "wheels").mkdir(exist_ok=True)
with zipfile.ZipFile(here / "wheels" / f"{NAME}-{VERSION}-py3-none-any.whl", "w") as wheel:
    for path, content in files.items():
        # a fixed time: the same package makes the same wheel, and so the same environment
        wheel.writestr(zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0)), content)
