#include "api/resources/render.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "codec/json.h"
#include "codec/json_members.h"
#include "codec/time.h"
#include "kernel/sight.h"

/* Undeclared members of one record. */
#define EXTRA_MAX_BYTES ((size_t)1 << 30)

struct tb_render {
	struct tb_render_options options;
	struct tb_buf extra;    /* undeclared members, a comma before each */
	struct tb_str values[]; /* of the layout's members; p NULL: absent */
};

struct tb_render *tb_render_create(const struct tb_render_options *options)
{
	struct tb_render *render = tb_calloc(
		1, sizeof(*render) + options->layout->n_members *
					     sizeof(render->values[0]));

	if (!render)
		return NULL;
	render->options = *options;
	tb_buf_init(&render->extra, EXTRA_MAX_BYTES);
	return render;
}

void tb_render_destroy(struct tb_render *render)
{
	if (!render)
		return;
	tb_buf_fini(&render->extra);
	tb_free(render);
}

/* For the many short pieces of a record. */
static inline void put(struct tb_buf *buf, struct tb_str s)
{
	tb_buf_append(buf, s.p, s.n);
}

/* ---- taking a body apart ---- */

static void put_extra(struct tb_render *render, struct tb_str key,
		      struct tb_str value)
{
	struct tb_buf *extra = &render->extra;

	tb_buf_append_char(extra, ',');
	put(extra, key);
	tb_buf_append_char(extra, ':');
	put(extra, value);
}

static void take_member(struct tb_render *render,
			const struct tb_json_members *it, size_t *next)
{
	const struct tb_layout *layout = render->options.layout;
	size_t at = tb_layout_find(layout, it->key, *next);

	if (at == layout->n_members) {
		put_extra(render, it->key, it->value);
		return;
	}
	render->values[at] = it->value;
	*next = at + 1;
}

/* Members mostly come in the order in which they are declared. */
static enum tb_err take_apart(struct tb_render *render, struct tb_str body)
{
	const struct tb_layout *layout = render->options.layout;
	struct tb_json_members it = tb_json_members(body);
	size_t next = 0;

	tb_buf_reset(&render->extra);
	memset(render->values, 0,
	       layout->n_members * sizeof(render->values[0]));
	for (;;) {
		if (next < layout->n_members &&
		    tb_json_members_meet(&it, layout->members[next].fragment))
			render->values[next++] = it.value;
		else if (tb_json_members_next(&it))
			take_member(render, &it, &next);
		else
			break;
	}
	if (it.is_broken)
		return TB_ERR_CORRUPT;
	return tb_buf_err(&render->extra);
}

/* ---- references ---- */

enum tb_err tb_render_key(struct tb_arena *arena, struct tb_str value,
			  struct tb_str *ret)
{
	struct tb_json json;
	enum tb_err err;

	if (value.n > 0 &&
	    (value.p[0] == '-' || (value.p[0] >= '0' && value.p[0] <= '9'))) {
		*ret = value;
		return TB_OK;
	}
	if (value.n < 2 || value.p[0] != '"') {
		*ret = TB_STR_NONE;
		return TB_OK;
	}
	if (!memchr(value.p, '\\', value.n)) {
		*ret = tb_str(value.p + 1, value.n - 2);
		return TB_OK;
	}
	err = tb_json_parse(arena, value, NULL, &json, NULL);
	return err ? err : tb_json_string(arena, tb_json_root(&json), ret);
}

static bool is_null(struct tb_str value)
{
	return !value.p || value.p[0] == 'n';
}

/* A reference that says by itself what is shown of it; p NULL: it does not. */
static struct tb_str own_id(const struct tb_layout_member *member,
			    struct tb_str value)
{
	uint64_t id;

	if (member->target->id_type == TB_ID_STRING)
		return value.p[0] == '"' ? value : TB_STR_NONE;
	if (value.n > 2 && value.p[0] == '"')
		value = tb_str(value.p + 1, value.n - 2);
	return tb_sight_is_id(value, &id) ? value : TB_STR_NONE;
}

static enum tb_err put_found(struct tb_render *render,
			     const struct tb_layout_member *member,
			     struct tb_str value, struct tb_buf *buf)
{
	struct tb_str found = TB_STR("null");
	enum tb_err err = TB_OK;

	if (!is_null(value))
		err = render->options.lookup(render->options.lookup_ctx, member,
					     value, &found);
	if (!err)
		put(buf, found);
	return err;
}

/* ---- putting together ---- */

static enum tb_err put_value(struct tb_render *render, size_t at,
			     struct tb_buf *buf)
{
	const struct tb_layout_member *member =
		&render->options.layout->members[at];
	struct tb_str value = render->values[at];

	if (member->kind == TB_MEMBER_SHOWN)
		return put_found(render, member, render->values[member->from],
				 buf);
	if (member->kind == TB_MEMBER_REFERENCE && !is_null(value)) {
		struct tb_str id = own_id(member, value);

		if (!id.p)
			return put_found(render, member, value, buf);
		value = id;
	}
	put(buf, value.p ? value : TB_STR("null"));
	return TB_OK;
}

static bool is_written_as_it_is(const struct tb_render *render, size_t at)
{
	return render->options.layout->members[at].kind == TB_MEMBER_VALUE &&
	       render->values[at].p;
}

/* Bodies mostly have what is shown of them one behind the other, and between
 * two values nothing but what the fragment says, for which alone there is room:
 * then they are copied in one go. The last of those that begin at `at`. */
static size_t put_run(struct tb_render *render, size_t at, struct tb_buf *buf)
{
	const struct tb_layout *layout = render->options.layout;
	struct tb_str run = render->values[at];

	for (; at + 1 < layout->n_fields; at++) {
		const struct tb_str *next = &render->values[at + 1];

		if (!is_written_as_it_is(render, at + 1) ||
		    next->p !=
			    run.p + run.n + layout->members[at + 1].fragment.n)
			break;
		run.n = (size_t)(next->p - run.p) + next->n;
	}
	put(buf, run);
	return at;
}

static enum tb_err put_fields(struct tb_render *render, struct tb_buf *buf)
{
	const struct tb_layout *layout = render->options.layout;
	enum tb_err err = TB_OK;

	for (size_t i = 0; !err && i < layout->n_fields; i++) {
		if (layout->members[i].kind == TB_MEMBER_HIDDEN)
			continue;
		put(buf, layout->members[i].fragment);
		if (is_written_as_it_is(render, i))
			i = put_run(render, i, buf);
		else
			err = put_value(render, i, buf);
	}
	return err;
}

static void put_time(struct tb_buf *buf, struct tb_str fragment, int64_t us)
{
	if (!fragment.p)
		return;
	put(buf, fragment);
	tb_buf_append_char(buf, '"');
	tb_time_put(buf, us);
	tb_buf_append_char(buf, '"');
}

static void put_times(const struct tb_layout *layout,
		      const struct tb_render_record *record, struct tb_buf *buf)
{
	put_time(buf, layout->created, record->created_us);
	put_time(buf, layout->updated, record->updated_us);
	if (record->synced_us != 0) {
		put_time(buf, layout->synced, record->synced_us);
	} else if (layout->synced.p) {
		put(buf, layout->synced);
		put(buf, TB_STR("null"));
	}
}

/* What stands in front of the id. */
#define BEFORE_ID TB_STR("{\"id\":")

static void put_id(const struct tb_layout *layout,
		   const struct tb_render_record *record, struct tb_buf *buf)
{
	put(buf, BEFORE_ID);
	if (layout->collection->id_type == TB_ID_INTEGER)
		tb_buf_append_u64(buf, record->id);
	else
		tb_json_put_string(buf, record->key);
}

enum tb_err tb_render_put(struct tb_render *render,
			  const struct tb_render_record *record,
			  struct tb_buf *buf)
{
	enum tb_err err = take_apart(render, record->body);

	if (err)
		return err;
	put_id(render->options.layout, record, buf);
	err = put_fields(render, buf);
	if (err)
		return err;
	put(buf, tb_buf_str(&render->extra));
	put_times(render->options.layout, record, buf);
	tb_buf_append_char(buf, '}');
	return tb_buf_err(buf);
}

void tb_render_put_gone(const struct tb_layout *layout,
			const struct tb_render_record *record,
			struct tb_buf *buf)
{
	put_id(layout, record, buf);
	put(buf, TB_STR(",\"deleted\":true"));
	put_time(buf, TB_STR(",\"updated_at\":"), record->updated_us);
	tb_buf_append_char(buf, '}');
}

struct tb_str tb_render_id(struct tb_str text)
{
	const char *begin = text.p + BEFORE_ID.n;
	const char *end = begin;

	if (*end == '"')
		for (end++; *end != '"'; end++)
			end += *end == '\\';
	while (*end != ',' && *end != '}')
		end++;
	return tb_str(begin, (size_t)(end - begin));
}
