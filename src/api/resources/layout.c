#include "api/resources/layout.h"

#include "base/buf.h"
#include "codec/digest.h"
#include "codec/json.h"

#define ID_NAME TB_STR("id")
/* The id and three times. */
#define FURTHER_MAX 4
#define TEXT_MAX_BYTES ((size_t)1 << 20)

/* ---- texts ---- */

/* `before`, the name in quotes, `behind`. */
static enum tb_err make_text(struct tb_arena *arena, const char *before,
			     struct tb_str name, const char *behind,
			     struct tb_str *ret)
{
	struct tb_buf buf;

	tb_buf_init(&buf, TEXT_MAX_BYTES);
	tb_buf_append_z(&buf, before);
	tb_json_put_string(&buf, name);
	tb_buf_append_z(&buf, behind);
	return tb_buf_copy_out(&buf, arena, ret);
}

static enum tb_err make_fragment(struct tb_arena *arena, struct tb_str name,
				 struct tb_str *ret)
{
	return name.p ? make_text(arena, ",", name, ":", ret) : TB_OK;
}

static enum tb_err make_texts(struct tb_arena *arena,
			      struct tb_layout_member *member)
{
	enum tb_err err =
		make_text(arena, "", member->name, "", &member->quoted);

	return err ? err
		   : make_fragment(arena, member->name, &member->fragment);
}

/* ---- members ---- */

static size_t field_index(const struct tb_collection *collection,
			  struct tb_str name)
{
	size_t i = 0;

	while (i < collection->n_fields &&
	       !tb_str_eq(collection->fields[i].name, name))
		i++;
	return i;
}

static void set_kind(const struct tb_declaration *declaration,
		     const struct tb_collection *collection,
		     const struct tb_field *field,
		     struct tb_layout_member *member)
{
	struct tb_str leads = field->from.p ? field->from : field->name;
	const struct tb_collection *target =
		tb_field_target(declaration, collection, leads);

	member->target = target;
	if (field->hidden) {
		member->kind = TB_MEMBER_HIDDEN;
	} else if (field->from.p && target) {
		member->kind = TB_MEMBER_SHOWN;
		member->from = field_index(collection, field->from);
		member->show = field->show;
	} else if (field->references.p && target) {
		member->kind = TB_MEMBER_REFERENCE;
	}
}

static void add_hidden(struct tb_layout *layout,
		       struct tb_layout_member *members, struct tb_str name)
{
	if (!name.p)
		return;
	members[layout->n_members++] = (struct tb_layout_member) {
		.kind = TB_MEMBER_HIDDEN,
		.name = name,
	};
}

static void add_members(const struct tb_declaration *declaration,
			struct tb_layout *layout,
			struct tb_layout_member *members)
{
	const struct tb_collection *c = layout->collection;

	for (size_t i = 0; i < c->n_fields; i++) {
		members[i].name = c->fields[i].name;
		set_kind(declaration, c, &c->fields[i], &members[i]);
		layout->has_peers |= members[i].target != NULL;
	}
	layout->n_fields = c->n_fields;
	layout->n_members = c->n_fields;
	add_hidden(layout, members, ID_NAME);
	add_hidden(layout, members, c->created_name);
	add_hidden(layout, members, c->updated_name);
	add_hidden(layout, members, c->synced_name);
	layout->members = members;
}

/* ---- the hash ---- */

static void put_word(struct tb_buf *buf, struct tb_str word)
{
	tb_buf_append_u64(buf, word.n);
	tb_buf_append_char(buf, ':');
	tb_buf_append_str(buf, word);
}

static void put_member(struct tb_buf *buf,
		       const struct tb_layout_member *member)
{
	tb_buf_append_u64(buf, member->kind);
	put_word(buf, member->name);
	if (!member->target)
		return;
	put_word(buf, member->target->name);
	tb_buf_append_u64(buf, member->target->id_type);
	tb_buf_append_u64(buf, member->from);
	put_word(buf, member->show);
}

/* The same address is another question where it has a filter since. */
static void put_filters(struct tb_buf *buf, const struct tb_collection *c)
{
	for (size_t i = 0; i < c->n_filters; i++) {
		const struct tb_field *field =
			tb_collection_field(c, c->filters[i].field);

		put_word(buf, c->filters[i].field);
		tb_buf_append_u64(buf, field ? field->type : 0);
		tb_buf_append_char(buf, ';');
	}
}

static enum tb_err hash(struct tb_layout *layout)
{
	const struct tb_collection *c = layout->collection;
	uint8_t digest[TB_SHA256_BYTES];
	struct tb_buf buf;
	enum tb_err err;

	tb_buf_init(&buf, TEXT_MAX_BYTES);
	put_word(&buf, c->name);
	tb_buf_append_u64(&buf, c->id_type);
	tb_buf_append_u64(&buf, c->order);
	put_word(&buf, c->created_name);
	put_word(&buf, c->updated_name);
	put_word(&buf, c->synced_name);
	for (size_t i = 0; i < layout->n_members; i++)
		put_member(&buf, &layout->members[i]);
	put_filters(&buf, c);
	err = tb_buf_err(&buf);
	tb_sha256(tb_buf_str(&buf), digest);
	tb_buf_fini(&buf);
	layout->hash = 0;
	for (size_t i = 0; i < sizeof(layout->hash); i++)
		layout->hash = layout->hash << 8 | digest[i];
	return err;
}

enum tb_err tb_layout_create(struct tb_arena *arena,
			     const struct tb_declaration *declaration,
			     const struct tb_collection *collection,
			     const struct tb_layout **ret)
{
	struct tb_layout *layout = tb_arena_calloc(arena, 1, sizeof(*layout));
	struct tb_layout_member *members = tb_arena_calloc(
		arena, collection->n_fields + FURTHER_MAX, sizeof(*members));
	enum tb_err err = TB_OK;

	if (!layout || !members)
		return tb_arena_err(arena);
	layout->collection = collection;
	add_members(declaration, layout, members);
	for (size_t i = 0; !err && i < layout->n_members; i++)
		err = make_texts(arena, &members[i]);
	if (!err)
		err = make_fragment(arena, collection->created_name,
				    &layout->created);
	if (!err)
		err = make_fragment(arena, collection->updated_name,
				    &layout->updated);
	if (!err)
		err = make_fragment(arena, collection->synced_name,
				    &layout->synced);
	if (!err)
		err = hash(layout);
	if (!err)
		*ret = layout;
	return err;
}

/* ---- finding ---- */

static bool is_spelled(struct tb_str key, struct tb_str name)
{
	const struct tb_json_node node = { .len = (uint32_t)key.n,
					   .next = 1,
					   .kind = TB_JSON_STRING,
					   .escaped = 1 };
	const struct tb_json json = { key.p, &node, 1 };

	return tb_json_string_is(tb_json_root(&json), name);
}

bool tb_layout_key_is(struct tb_str key, struct tb_str name)
{
	if (key.n == name.n + 2)
		return memcmp(key.p + 1, name.p, name.n) == 0;
	return memchr(key.p, '\\', key.n) && is_spelled(key, name);
}

size_t tb_layout_find(const struct tb_layout *layout, struct tb_str key,
		      size_t hint)
{
	if (hint < layout->n_members &&
	    tb_str_eq(layout->members[hint].quoted, key))
		return hint;
	for (size_t i = 0; i < layout->n_members; i++)
		if (tb_str_eq(layout->members[i].quoted, key))
			return i;
	if (!memchr(key.p, '\\', key.n))
		return layout->n_members;
	for (size_t i = 0; i < layout->n_members; i++)
		if (is_spelled(key, layout->members[i].name))
			return i;
	return layout->n_members;
}
