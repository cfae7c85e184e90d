"""The config file: every default shown, every mistake named."""

import os
import re
import subprocess

import pytest

from cli import PROGRAM, ROOT, tombolo
from harness import CONFIG, free_port


def config(tmp_path, text):
    path = tmp_path / "tombolo.yaml"
    path.write_text(text)
    return path


def refused(tmp_path, text, line):
    """Both `config check` and `serve` name the file and the line."""
    path = config(tmp_path, text)
    for args in (["config", "check"],
                 ["serve", "--listen", "127.0.0.1:%d" % free_port(),
                  "--data", tmp_path / "data"]):
        done = tombolo(*args, "--config", path, check=False, timeout=30)
        assert done.returncode != 0
        assert "tombolo.yaml:%d" % line in done.stderr, done.stderr
        assert not (tmp_path / "data").exists()
    return done.stderr


def test_a_good_file_passes(tmp_path):
    assert tombolo("config", "check", "--config",
                   config(tmp_path, CONFIG)).returncode == 0


def test_an_unknown_key_is_named_with_file_and_line(tmp_path):
    text = refused(tmp_path, "collections: []\nnonsense: 1\n", 2)
    assert "nonsense" in text


def test_an_unknown_key_deep_inside_is_named(tmp_path):
    refused(tmp_path, "collections:\n  - name: item\n    route: central\n"
            "    colour: red\n", 4)


@pytest.mark.parametrize("text,line", [
    ("collections:\n  - name: item\n    route: nowhere\n", 3),
    ("collections: 17\n", 1), ("collections:\n  - route: central\n", 2)])
def test_a_bad_value_is_named_with_what_was_expected(tmp_path, text, line):
    refused(tmp_path, text, line)


@pytest.mark.parametrize("text,line", [
    ("collections: []\n---\nauth: {}\n", 2), ("---\n{}\n---\n", 3),
    ("collections: []\n---\nauth: [\n", 4)])
def test_a_second_document_is_refused_with_its_line(tmp_path, text, line):
    refused(tmp_path, text, line)


def test_a_document_may_be_marked_as_the_only_one(tmp_path):
    path = config(tmp_path, "---\n" + CONFIG + "...\n")
    assert tombolo("config", "check", "--config", path).returncode == 0


@pytest.mark.parametrize("text", [
    "collections: [", "\tcollections: []", "a: b: c", "- 1\n- 2\n"])
def test_what_is_not_yaml_or_not_a_map_is_refused(tmp_path, text):
    done = tombolo("config", "check", "--config", config(tmp_path, text),
                   check=False)
    assert done.returncode != 0
    assert re.search(r"tombolo\.yaml:\d+", done.stderr), done.stderr


@pytest.mark.parametrize("text", [
    # The same collection twice, a parent that is not there, a circle.
    "collections:\n  - {name: a, route: central}\n"
    "  - {name: a, route: central}\n",
    "collections:\n  - {name: a, route: parent, parent: b, field: f}\n",
    "collections:\n  - {name: a, route: parent, parent: b, field: f}\n"
    "  - {name: b, route: parent, parent: a, field: f}\n",
    "collections:\n  - {name: a, route: store}\n",
    "collections:\n  - {name: a, route: parent, field: f}\n"])
def test_a_declaration_that_cannot_work_is_refused(tmp_path, text):
    done = tombolo("config", "check", "--config", config(tmp_path, text),
                   check=False)
    assert done.returncode != 0
    assert "tombolo.yaml" in done.stderr


def test_show_prints_every_default_and_can_be_read_back(tmp_path):
    shown = tombolo("config", "show").stdout
    assert shown.count("\n") > 20
    path = config(tmp_path, shown)
    assert tombolo("config", "check", "--config", path).returncode == 0
    assert tombolo("config", "show", "--config", path).stdout == shown


def test_show_prints_what_the_file_says(tmp_path):
    shown = tombolo("config", "show", "--config",
                    config(tmp_path, CONFIG)).stdout
    for name in ("transact", "other_store_ID", "patient_note"):
        assert name in shown


SOURCES = """\
sources:
  - name: goods
    type: http
    url: https://goods.example.org/v1/
    paging: page
    page_param: page
    entities:
      - name: goods
        collection: item
        renames: [{from: a, to: b}]
  - name: drop
    type: file
    path: /srv/drop
    orgs: [main]
    entities:
      - {name: counts, collection: item, path: in/counts.csv, key: sku}
"""


@pytest.mark.parametrize("old,new,line,expected", [
    ("type: file", "type: ftp", 12, "sources[1].type"),
    ("https://goods", "http://goods", 4, "sources[0].url"),
    ("    path: /srv/drop\n", "", 11, "sources[1].path"),
    ("name: drop", "name: local", 11, "`local`"),
    ("name: drop", "name: goods", 11, "sources[1].name"),
    ("in/counts.csv", "../counts.csv", 16, "sources[1].entities[0].path"),
    ("counts, collection: item", "counts, collection: nothing", 16,
     "collection that is declared"),
    ("paging: page", "paging: page\n    api_version: 2024-01", 6, "type http"),
    ("page_param: page", "page_param: page\n    timeout_s: 3601", 7,
     "from 1 to 3600"),
    ("renames:", "deleted_value: x\n        renames:", 8, "deleted_field")])
def test_a_mistake_in_a_source_is_named(tmp_path, old, new, line, expected):
    assert SOURCES.count(old) == 1
    text = refused(tmp_path, SOURCES.replace(old, new) + CONFIG, line)
    assert expected in text


def test_show_prints_sources_that_can_be_read_back(tmp_path):
    path = config(tmp_path, SOURCES + CONFIG)
    shown = tombolo("config", "show", "--config", path).stdout
    for text in ('url: "https://goods.example.org/v1"', "page_size: 1000",
                 "timeout_s: 30", '{from: "a", to: "b"}', 'orgs: ["main"]',
                 'key: "sku"', 'path: "goods"'):
        assert text in shown, text
    path = config(tmp_path, shown)
    assert tombolo("config", "show", "--config", path).stdout == shown


def test_the_shipped_shop_has_a_source_of_each_type():
    shown = tombolo("config", "show", "--config",
                    ROOT / "examples" / "shop.yaml").stdout
    sources = shown[shown.index("\nsources:"):]
    assert sorted(re.findall(r"^    type: (\w+)$", sources, re.M)) == [
        "file", "http", "shopify", "site"]


def test_an_environment_variable_overrides(tmp_path):
    port = free_port()
    env = {**os.environ, "TOMBOLO_LISTEN": "127.0.0.1:%d" % port}
    done = subprocess.run([PROGRAM, "config", "show"], env=env, text=True,
                          capture_output=True, timeout=30, check=True)
    assert "127.0.0.1:%d" % port in done.stdout


def test_a_bad_environment_variable_is_refused():
    env = {**os.environ, "TOMBOLO_LISTEN": "nonsense"}
    done = subprocess.run([PROGRAM, "config", "check"], env=env, text=True,
                          capture_output=True, timeout=30, check=False)
    assert done.returncode != 0
    assert "TOMBOLO_LISTEN" in done.stderr
