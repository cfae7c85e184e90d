#!/usr/bin/env python3
"""Write a C source that holds a text file.

    tools/embed.py FILE OUTPUT HEADER NAME

The source includes HEADER and defines `const char NAME[]`, with a NUL behind
the text, and `const size_t NAME_bytes`.
"""

import sys


def quoted(line):
    """A line as a C string: what is not plain ASCII is written in octal."""
    plain = (chr(byte) if 32 <= byte < 127 and byte not in b'"\\?'
             else "\\%03o" % byte for byte in line)
    return '\t"%s"\n' % "".join(plain)


def main():
    path, output, header, name = sys.argv[1:]
    with open(path, "rb") as file:
        lines = file.read().splitlines(keepends=True)
    with open(output, "w", encoding="ascii") as out:
        out.write('#include "%s"\n\nconst char %s[] =\n' % (header, name))
        out.writelines(map(quoted, lines or [b""]))
        out.write("\t;\nconst size_t %s_bytes = sizeof(%s) - 1;\n"
                  % (name, name))


main()
