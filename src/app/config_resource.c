#include "app/config_resource.h"

#include "base/assert.h"
#include "kernel/sight.h"

/* One collection while it is checked. */
struct checking {
	const struct tb_config_item *item;
	const struct tb_declaration *declaration;
	const struct tb_collection *collection;
};

static bool is_one_of(struct tb_str name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (tb_str_eq(name, tb_str_z(list[i])))
			return true;
	return false;
}

/* A field whose values bodies have, and that can be compared. */
static bool is_comparable(const struct tb_field *field)
{
	return field && !field->from.p && field->type != TB_FIELD_JSON;
}

/* ---- names ---- */

/* Feeds are named by collections and fields, with signs between that these do
 * not have, and within TB_KEY_MAX. */
#define WORD_MAX_BYTES 64
#define WORD "letters, digits, - and _, 64 at most"

_Static_assert(TB_SIGHT_VALUE_MAX_BYTES + 4 * WORD_MAX_BYTES + 8 <= TB_KEY_MAX,
	       "a feed's name is a key");

static bool is_word(struct tb_str text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && c != '-' && c != '_')
			return false;
	}
	return text.n <= WORD_MAX_BYTES;
}

static void check_word(const struct tb_config_item *item, const char *key,
		       struct tb_str text)
{
	if (text.p && !is_word(text))
		tb_config_fail_key(item, key, WORD);
}

static void check_name(const struct checking *c)
{
	struct tb_str path = c->collection->path;
	struct tb_str name = c->collection->name;
	bool same = path.n == name.n;

	for (size_t i = 0; same && i < path.n; i++)
		same = name.p[i] == (path.p[i] == '-' ? '_' : path.p[i]);
	if (!same)
		tb_config_fail_key(c->item, "name", "the path with _ for -");
	check_word(c->item, "name", name);
}

/* The members that a shown record has besides its fields. */
static void check_times(const struct checking *c)
{
	const struct tb_str names[] = {
		c->collection->created_name,
		c->collection->updated_name,
		c->collection->synced_name,
	};
	static const char *const taken[] = { "id", "deleted" };

	for (size_t i = 0; i < TB_ARRAY_LEN(names); i++) {
		bool clashes = is_one_of(names[i], taken, TB_ARRAY_LEN(taken));

		if (!names[i].p)
			continue;
		for (size_t j = 0; j < i; j++)
			clashes |= names[j].p && tb_str_eq(names[i], names[j]);
		if (clashes || tb_collection_field(c->collection, names[i]))
			tb_config_fail_key(c->item, "times",
					   "names that differ from each other, "
					   "from fields, id and deleted "
					   "(created_at, updated_at and "
					   "last_synced_at by default)");
	}
}

/* ---- fields ---- */

/* What says how a field is shown says nothing where it is not. */
static void check_shown(const struct tb_config_item *item)
{
	static const char *const keys[] = { "hidden", "read_only", "writable",
					    "from", "show" };

	for (size_t i = 0; i < TB_ARRAY_LEN(keys); i++)
		if (tb_config_has_key(item, keys[i]))
			tb_config_fail_key(item, keys[i],
					   "a collection with a path around "
					   "it");
}

static void check_field_name(const struct tb_config_item *item,
			     const struct tb_field *field)
{
	static const char *const taken[] = { "id", "deleted",
					     "client_last_synced_at" };

	if (is_one_of(field->name, taken, TB_ARRAY_LEN(taken)))
		tb_config_fail_key(item, "name",
				   "another name than id, deleted and "
				   "client_last_synced_at");
}

static void check_reference(const struct checking *c,
			    const struct tb_config_item *item,
			    const struct tb_field *field)
{
	const struct tb_collection *target =
		tb_declaration_find(c->declaration, field->references);

	if (!target)
		tb_config_fail_key(item, "references",
				   "a collection that is declared");
	else if (target->id_type == TB_ID_INTEGER &&
		 field->type != TB_FIELD_INTEGER)
		tb_config_fail_key(item, "type",
				   "integer, as the ids are that it refers to");
	else if (target->id_type == TB_ID_STRING &&
		 field->type != TB_FIELD_STRING)
		tb_config_fail_key(item, "type",
				   "string, as the ids are that it refers to");
}

static void check_display(const struct checking *c,
			  const struct tb_config_item *item,
			  const struct tb_field *field)
{
	const struct tb_field *from =
		tb_collection_field(c->collection, field->from);
	const struct tb_collection *target =
		tb_field_target(c->declaration, c->collection, field->from);
	const struct tb_field *shown;

	if (!from || !from->references.p) {
		tb_config_fail_key(item, "from",
				   "a field of this collection that has "
				   "references");
		return;
	}
	/* That its target is not declared has been said at the field itself. */
	if (!target)
		return;
	shown = tb_collection_field(target, field->show);
	if (!shown || shown->from.p || shown->type != field->type)
		tb_config_fail_key(item, "show",
				   "a field of the same type that the "
				   "collection referred to declares");
}

static void check_fields(const struct checking *c)
{
	const struct tb_field *field = c->collection->fields;
	struct tb_config_item item;

	for (size_t i = 0; tb_config_open_in(c->item, "fields", i, &item);
	     i++, field++) {
		if (c->collection->path.p)
			check_field_name(&item, field);
		else
			check_shown(&item);
		if (field->references.p)
			check_reference(c, &item, field);
		if (field->from.p)
			check_display(c, &item, field);
	}
}

/* ---- who sees what ---- */

static void check_through(const struct checking *c,
			  const struct tb_config_item *item,
			  const struct tb_sight_rule *rule)
{
	const struct tb_collection *through =
		tb_declaration_find(c->declaration, rule->through);
	const struct tb_field *reference;

	if (!through) {
		tb_config_fail_key(item, "through",
				   "a collection that is declared");
		return;
	}
	reference = tb_collection_field(through, rule->reference);
	if (!reference || !reference->references.p ||
	    !tb_str_eq(reference->references, c->collection->name))
		tb_config_fail_key(item, "reference",
				   "a field of the collection `through` that "
				   "references this one");
	if (!is_comparable(tb_collection_field(through, rule->field)))
		tb_config_fail_key(item, "field",
				   "a field of the collection `through`, "
				   "neither json nor with from");
	check_word(item, "through", rule->through);
	check_word(item, "reference", rule->reference);
}

static void check_rules(const struct checking *c)
{
	const struct tb_sight_rule *rule = c->collection->rules;
	struct tb_config_item item;

	for (size_t i = 0; tb_config_open_in(c->item, "visible", i, &item);
	     i++, rule++) {
		if (rule->through.p)
			check_through(c, &item, rule);
		else if (rule->field.p &&
			 !tb_str_eq(rule->field, TB_SIGHT_SELF) &&
			 !is_comparable(tb_collection_field(c->collection,
							    rule->field)))
			tb_config_fail_key(&item, "field",
					   "id, or a field of this collection, "
					   "neither json nor with from");
		check_word(&item, "field", rule->field);
	}
}

static void check_filters(const struct checking *c)
{
	/* What queries ask for anyway. */
	static const char *const taken[] = { "last_sync_timestamp", "limit",
					     "after", "deleted" };
	const struct tb_filter *filters = c->collection->filters;
	struct tb_config_item item;

	for (size_t i = 0; tb_config_open_in(c->item, "filters", i, &item);
	     i++) {
		struct tb_str name = filters[i].field;

		if (!is_comparable(tb_collection_field(c->collection, name)) ||
		    is_one_of(name, taken, TB_ARRAY_LEN(taken)))
			tb_config_fail_key(&item, "field",
					   "a field of this collection, "
					   "neither json nor with from, and "
					   "none of last_sync_timestamp, "
					   "limit, after and deleted");
		check_word(&item, "field", name);
		for (size_t j = 0; j < i; j++)
			if (tb_str_eq(filters[j].field, name))
				tb_config_fail_key(&item, "field",
						   "a field not given before");
	}
}

void tb_config_check_resource(const struct tb_config_item *item,
			      const struct tb_declaration *declaration,
			      const struct tb_collection *collection)
{
	struct checking c = {
		.item = item,
		.declaration = declaration,
		.collection = collection,
	};

	if (collection->path.p) {
		check_name(&c);
		check_times(&c);
	}
	check_fields(&c);
	check_rules(&c);
	check_filters(&c);
}
