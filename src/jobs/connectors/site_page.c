#include "jobs/connectors/site_page.h"

#include "base/assert.h"
#include "codec/json.h"
#include "codec/json_members.h"

#define SEQUENCES_MIN 256

static const struct tb_json_limits text_limits = { .max_depth = 1,
						   .max_nodes = 1 };

/* An entry's members, as they are written; p NULL: absent. */
struct entry {
	struct tb_str table;
	struct tb_str id;
	struct tb_str action;
	struct tb_str sequence;
	struct tb_str data;
};

struct reading {
	struct tb_arena *arena;
	const struct tb_source_entity *entities;
	size_t n_entities;
	struct tb_records_reader reader;
	struct tb_site_page page;
	size_t cap; /* of the page's sequences */
	const char *problem;
};

/* ---- an entry's members ---- */

/* What is in the entry beside them is of no interest, and what is wrong with it
 * neither. */
static bool read_members(struct tb_str text, struct entry *ret)
{
	struct entry entry = { .table = TB_STR_NONE };
	const struct {
		struct tb_str key;
		struct tb_str *to;
	} known[] = {
		{ TB_STR("\"table\""), &entry.table },
		{ TB_STR("\"recordID\""), &entry.id },
		{ TB_STR("\"action\""), &entry.action },
		{ TB_STR("\"sequence\""), &entry.sequence },
		{ TB_STR("\"data\""), &entry.data },
	};
	struct tb_json_members it = tb_json_members(text);

	while (tb_json_members_next(&it))
		for (size_t i = 0; i < TB_ARRAY_LEN(known); i++)
			if (tb_str_eq(it.key, known[i].key))
				*known[i].to = it.value;
	*ret = entry;
	return !it.is_broken;
}

/* A string's text; p NULL: it is none. */
static enum tb_err read_text(struct reading *reading, struct tb_str value,
			     struct tb_str *ret)
{
	struct tb_json json;
	struct tb_str text;
	enum tb_err err;

	*ret = TB_STR_NONE;
	if (!tb_str_starts(value, TB_STR("\"")))
		return TB_OK;
	err = tb_json_parse(reading->arena, value, &text_limits, &json, NULL);
	if (err == TB_OK)
		err = tb_json_string(reading->arena, tb_json_root(&json),
				     &text);
	if (err == TB_OK)
		*ret = text;
	return err == TB_ERR_INVALID ? TB_OK : err;
}

/* "written as JSON strings and read as strings or numbers" */
static bool read_sequence(struct tb_str value, uint64_t *ret)
{
	bool is_text =
		value.n > 2 && value.p[0] == '"' && value.p[value.n - 1] == '"';

	if (is_text)
		value = tb_str(value.p + 1, value.n - 2);
	return tb_str_to_u64(value, ret) == TB_OK;
}

static const struct tb_source_entity *find_entity(const struct reading *reading,
						  struct tb_str table)
{
	for (size_t i = 0; i < reading->n_entities; i++)
		if (tb_str_eq(reading->entities[i].path, table))
			return &reading->entities[i];
	return NULL;
}

/* ---- an entry ---- */

static enum tb_err note_sequence(struct reading *reading, uint64_t sequence)
{
	struct tb_site_page *page = &reading->page;
	size_t cap = reading->cap > 0 ? 2 * reading->cap : SEQUENCES_MIN;
	uint64_t *sequences = page->sequences;

	if (page->n == reading->cap) {
		sequences = tb_arena_resize(reading->arena, page->sequences,
					    page->n * sizeof(*sequences),
					    cap * sizeof(*sequences));
		if (sequences == NULL)
			return tb_arena_err(reading->arena);
		page->sequences = sequences;
		reading->cap = cap;
	}
	sequences[page->n++] = sequence;
	return TB_OK;
}

static enum tb_err read_record(struct reading *reading,
			       const struct entry *entry,
			       struct tb_connector_record *record)
{
	struct tb_str id, action;
	enum tb_err err = read_text(reading, entry->id, &id);

	if (err == TB_OK)
		err = read_text(reading, entry->action, &action);
	if (err != TB_OK)
		return err;
	record->key = id;
	tb_records_check_key(record);
	if (record->refused != NULL)
		return TB_OK;
	if (id.n == 0) {
		record->refused = TB_RECORD_NO_KEY;
		record->message = TB_STR("recordID is no text");
	} else if (tb_str_eq_nocase(action, TB_STR("delete"))) {
		record->body = TB_STR("{}");
		record->deleted = true;
	} else if (tb_str_eq_nocase(action, TB_STR("insert")) ||
		   tb_str_eq_nocase(action, TB_STR("update"))) {
		err = tb_records_read_as(&reading->reader, id, entry->data,
					 record);
	} else {
		record->refused = TB_RECORD_INVALID;
		record->message =
			TB_STR("action is none of insert, update, delete");
	}
	return err;
}

static enum tb_err add_record(struct reading *reading,
			      const struct entry *entry)
{
	struct tb_connector_record record = { .key = TB_STR_NONE };
	const struct tb_source_entity *entity;
	struct tb_str table;
	enum tb_err err = read_text(reading, entry->table, &table);

	if (err != TB_OK)
		return err;
	entity = find_entity(reading, table);
	if (entity == NULL)
		return TB_OK;
	reading->reader.entity = entity;
	err = read_record(reading, entry, &record);
	record.entity = entity;
	return err == TB_OK ? tb_records_append(reading->arena,
						&reading->page.records, &record)
			    : err;
}

static enum tb_err add_entry(struct reading *reading, struct tb_str text)
{
	struct entry entry;
	uint64_t sequence;
	enum tb_err err;

	if (!read_members(text, &entry)) {
		reading->problem = "an entry is no object";
		return TB_ERR_INVALID;
	}
	if (!read_sequence(entry.sequence, &sequence)) {
		reading->problem = "an entry has no sequence";
		return TB_ERR_INVALID;
	}
	err = note_sequence(reading, sequence);
	/* A number that was given up. */
	if (err != TB_OK || tb_str_eq(entry.data, TB_STR("\"none\"")))
		return err;
	return add_record(reading, &entry);
}

/* ---- the page ---- */

static enum tb_err read_entries(struct reading *reading, struct tb_str answer)
{
	struct tb_json_members it = tb_json_members(answer);
	enum tb_err err = TB_OK;

	while (err == TB_OK && tb_json_elements_next(&it))
		err = add_entry(reading, it.value);
	if (err == TB_OK && it.is_broken) {
		reading->problem = "the answer is no array";
		err = TB_ERR_INVALID;
	}
	return err;
}

enum tb_err tb_site_page_read(struct tb_arena *arena, struct tb_str answer,
			      const struct tb_source_entity *entities,
			      size_t n_entities, struct tb_site_page *ret,
			      const char **ret_problem)
{
	struct reading reading = { .arena = arena,
				   .entities = entities,
				   .n_entities = n_entities };
	enum tb_err err = tb_records_reader_init(&reading.reader, NULL, arena);

	if (err == TB_OK)
		err = read_entries(&reading, answer);
	tb_records_reader_fini(&reading.reader);
	if (err == TB_OK)
		*ret = reading.page;
	if (err == TB_ERR_INVALID)
		*ret_problem = reading.problem;
	return err;
}
