#include "app/redeclare.h"

#include <stdarg.h>
#include <stdio.h>

#include "app/config_declaration.h"
#include "codec/json.h"
#include "kernel/redeclare.h"
#include "kernel/store.h"

#define ARENA_MAX_BYTES (1024ull * 1024 * 1024)
#define TEXT_MAX_BYTES ((size_t)64 * 1024 * 1024)
#define REPORT_MAX_BYTES 1024
/* Before the text of a collection whose records were not all placed anew when
 * the server ended: it is none that is declared, and so counts as changed. */
#define UNFINISHED TB_STR("# being placed anew\n")

struct redeclaring {
	struct tb_config *config;
	struct tb_core *core;
	struct tb_arena *arena;
	tb_redeclare_report_fn *report;
	void *ctx;
	/* Of the configuration's collections, in their order: */
	struct tb_str *texts;
	struct tb_str *instead; /* what stays in force; p NULL: nothing else */
	struct tb_str in_force; /* as it is kept; p NULL: nothing is */
};

static void say(struct redeclaring *r, bool is_mistake, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void say(struct redeclaring *r, bool is_mistake, const char *fmt, ...)
{
	char text[REPORT_MAX_BYTES];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	r->report(r->ctx, is_mistake, text);
}

/* ---- texts ---- */

static enum tb_err text_of(struct tb_arena *arena,
			   const struct tb_collection *collection,
			   struct tb_str *ret)
{
	struct tb_buf buf;
	enum tb_err err;

	tb_buf_init(&buf, TEXT_MAX_BYTES);
	tb_config_put_collection(&buf, collection, false);
	err = tb_buf_err(&buf);
	if (!err)
		err = tb_arena_strdup(arena, tb_buf_str(&buf), ret);
	tb_buf_fini(&buf);
	return err;
}

/* Describes the configuration's collections as they are now. */
static enum tb_err describe(struct redeclaring *r)
{
	const struct tb_declaration *declaration = &r->config->declaration;
	size_t n = declaration->n_collections;
	enum tb_err err = TB_OK;

	r->texts = tb_arena_calloc(r->arena, n, sizeof(*r->texts));
	r->instead = tb_arena_calloc(r->arena, n, sizeof(*r->instead));
	if (!r->texts || !r->instead)
		return TB_ERR_NOMEM;
	for (size_t i = 0; !err && i < n; i++)
		err = text_of(r->arena, &declaration->collections[i],
			      &r->texts[i]);
	return err;
}

/* What is kept of an org: an object of texts by the collections' names. */
static enum tb_err read_kept(struct redeclaring *r, uint32_t org,
			     struct tb_json *ret_json, bool *ret_is_there)
{
	struct tb_str text;
	enum tb_err err = tb_redeclare_kept(r->core, r->arena, org, &text);

	if (err)
		return err;
	*ret_is_there = text.p != NULL;
	if (!text.p)
		text = TB_STR("{}");
	err = tb_json_parse(r->arena, text, NULL, ret_json, NULL);
	return err && err != TB_ERR_NOMEM ? TB_ERR_CORRUPT : err;
}

/* p NULL: it was not declared. */
static enum tb_err kept_text(struct redeclaring *r, const struct tb_json *kept,
			     struct tb_str name, struct tb_str *ret)
{
	struct tb_json_value v = tb_json_get(tb_json_root(kept), name);

	*ret = TB_STR_NONE;
	return tb_json_is_absent(v) ? TB_OK : tb_json_string(r->arena, v, ret);
}

static struct tb_json_writer begin_texts(struct tb_buf *buf)
{
	struct tb_json_writer w = tb_json_writer(buf);

	tb_buf_init(buf, 2 * TEXT_MAX_BYTES);
	tb_json_begin_object(&w);
	return w;
}

static enum tb_err keep_texts(struct redeclaring *r, uint32_t org,
			      struct tb_json_writer *w,
			      const struct tb_str *resighted, size_t n)
{
	enum tb_err err;

	tb_json_end_object(w);
	err = tb_buf_err(w->buf);
	if (!err)
		err = tb_redeclare_keep(r->core, org, tb_buf_str(w->buf),
					resighted, n);
	tb_buf_fini(w->buf);
	return err;
}

static enum tb_err keep(struct redeclaring *r, uint32_t org,
			const struct tb_str *resighted, size_t n)
{
	const struct tb_declaration *declaration = &r->config->declaration;
	struct tb_buf buf;
	struct tb_json_writer w = begin_texts(&buf);

	for (size_t i = 0; i < declaration->n_collections; i++) {
		tb_json_key(&w, declaration->collections[i].name);
		tb_json_str(&w, r->texts[i]);
	}
	return keep_texts(r, org, &w, resighted, n);
}

/* ---- what contradicts ---- */

/* Without what makes it a resource: as good as it is known to have been where
 * nobody knows how it was declared. */
static enum tb_err text_of_table(struct redeclaring *r,
				 const struct tb_collection *collection,
				 struct tb_str *ret)
{
	struct tb_collection table = { .name = collection->name,
				       .routing = collection->routing,
				       .field = collection->field,
				       .parent = collection->parent,
				       .n_also = collection->n_also,
				       .centre_wins = collection->centre_wins };
	struct tb_field *fields = tb_arena_calloc(
		r->arena, collection->n_fields, sizeof(*fields));

	if (!fields)
		return TB_ERR_NOMEM;
	for (size_t i = 0; i < collection->n_also; i++)
		table.also[i] = collection->also[i];
	for (size_t i = 0; i < collection->n_fields; i++) {
		struct tb_field *field = &fields[table.n_fields];

		if (collection->fields[i].from.p)
			continue;
		*field = collection->fields[i];
		field->hidden = false;
		field->read_only = false;
		field->n_writers = 0;
		table.n_fields++;
	}
	table.fields = fields;
	return text_of(r->arena, &table, ret);
}

/* What differs for those who know the records as they were declared before. */
static enum tb_err compare(struct redeclaring *r, struct tb_str before,
			   struct tb_redeclared *item)
{
	const struct tb_collection *now = item->now;
	struct tb_collection old;
	enum tb_err err;

	if (!before.p)
		return TB_OK;
	err = tb_config_parse_collection(r->arena, before, &old);
	if (err)
		return err;
	item->changes_ids = old.id_type != now->id_type &&
			    (old.path.p || old.id_type == TB_ID_INTEGER) &&
			    (now->path.p || now->is_shown);
	return TB_OK;
}

static void report_wrong(struct redeclaring *r,
			 const struct tb_redeclared *item)
{
	const struct tb_config *config = r->config;
	size_t i = (size_t)(item->now - config->declaration.collections);

	say(r, true,
	    "%s:%zu: collection `%.*s`: %llu records contradict it, as `%.*s`: "
	    "%.*s; it stays as it was declared before",
	    config->declared_in ? config->declared_in : "configuration",
	    config->declared_lines ? config->declared_lines[i] : 0,
	    TB_STR_ARG(item->now->name), (unsigned long long)item->n_wrong,
	    TB_STR_ARG(item->first), TB_STR_ARG(item->message));
}

/* What is declared otherwise than it is kept. */
static enum tb_err find_changed(struct redeclaring *r,
				const struct tb_json *kept,
				struct tb_redeclared *rets, size_t *ret_n)
{
	const struct tb_declaration *declaration = &r->config->declaration;
	enum tb_err err = TB_OK;
	size_t n = 0;

	for (size_t i = 0; !err && i < declaration->n_collections; i++) {
		const struct tb_collection *c = &declaration->collections[i];
		struct tb_redeclared item = { .now = c };
		struct tb_str before;

		err = kept_text(r, kept, c->name, &before);
		if (err || (before.p && tb_str_eq(before, r->texts[i])))
			continue;
		err = compare(r, before, &item);
		rets[n++] = item;
	}
	*ret_n = n;
	return err;
}

/* An org nobody has written in has nothing to look at. */
static bool is_unused(const struct tb_org *org, bool is_kept)
{
	return !is_kept && org->commits == 0;
}

static enum tb_err check_org(struct redeclaring *r, const struct tb_org *org)
{
	const struct tb_declaration *declaration = &r->config->declaration;
	struct tb_redeclared *list = tb_arena_calloc(
		r->arena, declaration->n_collections, sizeof(*list));
	struct tb_json kept;
	bool is_kept;
	size_t n = 0;
	enum tb_err err;

	if (!list)
		return TB_ERR_NOMEM;
	err = read_kept(r, org->id, &kept, &is_kept);
	if (!err)
		err = find_changed(r, &kept, list, &n);
	if (!err && n > 0 && !is_unused(org, is_kept))
		err = tb_redeclare_check(r->core, r->arena, org->id, list, n);
	for (size_t i = 0; !err && i < n; i++) {
		struct tb_str *instead =
			&r->instead[list[i].now - declaration->collections];

		if (list[i].n_wrong == 0)
			continue;
		report_wrong(r, &list[i]);
		if (!instead->p)
			err = kept_text(r, &kept, list[i].now->name, instead);
		if (!err && !instead->p)
			err = text_of_table(r, list[i].now, instead);
	}
	return err;
}

/* ---- the declaration in force ---- */

/* Declares what the texts say. */
static enum tb_err adopt(struct tb_config *config, const struct tb_buf *texts)
{
	enum tb_err err = tb_buf_err(texts);

	return err ? err
		   : tb_config_adopt(config, tb_buf_str(texts), TB_STR_NONE);
}

/* ---- orgs ---- */

typedef enum tb_err org_fn(struct redeclaring *r, const struct tb_org *org);

static enum tb_err next_org(struct tb_core *core, uint32_t after,
			    struct tb_org *ret)
{
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(core, &tx);

	if (err)
		return err;
	err = tx->store->ops->org_next(tx, after, ret);
	tb_core_read_end(tx);
	return err;
}

static enum tb_err for_each_org(struct redeclaring *r, org_fn *fn)
{
	struct tb_org org = { .id = TB_ORG_SYSTEM };
	enum tb_err err;

	while (!(err = next_org(r->core, org.id, &org))) {
		err = fn(r, &org);
		if (err)
			return err;
	}
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

/* ---- what is in force already ---- */

/* The texts in force, and those of collections that they do not name. */
static enum tb_err put_taken(struct redeclaring *r, const struct tb_json *kept,
			     struct tb_buf *buf, bool *ret_differs)
{
	const struct tb_declaration *declaration = &r->config->declaration;
	struct tb_json_iter it = tb_json_iter(tb_json_root(kept));
	enum tb_err err = TB_OK;
	struct tb_str text;
	size_t n_same = 0;

	while (!err && tb_json_next(&it)) {
		err = tb_json_string(r->arena, it.value, &text);
		if (!err)
			tb_buf_append_str(buf, text);
	}
	for (size_t i = 0; !err && i < declaration->n_collections; i++) {
		err = kept_text(r, kept, declaration->collections[i].name,
				&text);
		if (!err && !text.p)
			tb_buf_append_str(buf, r->texts[i]);
		n_same += text.p && tb_str_eq(text, r->texts[i]);
	}
	*ret_differs = n_same != tb_json_count(tb_json_root(kept));
	return err;
}

static enum tb_err take_org(struct redeclaring *r, const struct tb_org *org,
			    bool *ret_is_taken)
{
	struct tb_json kept;
	struct tb_buf buf;
	bool differs = false;
	enum tb_err err = read_kept(r, org->id, &kept, ret_is_taken);

	if (err || !*ret_is_taken)
		return err;
	tb_buf_init(&buf, TEXT_MAX_BYTES);
	tb_buf_append_z(&buf, "collections:\n");
	err = put_taken(r, &kept, &buf, &differs);
	if (!err && differs)
		err = adopt(r->config, &buf);
	tb_buf_fini(&buf);
	return err;
}

/* All orgs have the same in force: the first that has any says it. */
static enum tb_err take_first(struct redeclaring *r)
{
	struct tb_org org = { .id = TB_ORG_SYSTEM };
	bool is_taken = false;
	enum tb_err err = TB_OK;

	while (!err && !is_taken) {
		err = next_org(r->core, org.id, &org);
		if (err)
			return err == TB_ERR_NOT_FOUND ? TB_OK : err;
		err = take_org(r, &org, &is_taken);
	}
	return err;
}

/* Where what stays does not fit to what is new, all stays. */
static enum tb_err keep_all(struct redeclaring *r)
{
	const struct tb_collection *new = r->config->declaration.collections;
	enum tb_err err;

	say(r, true,
	    "what stays does not fit to the other collections as they are "
	    "declared now: all stay as they were");
	err = take_first(r);
	if (!err && r->config->declaration.collections == new)
		err = TB_ERR_INVALID;
	if (err == TB_ERR_INVALID)
		say(r, true,
		    "what was declared before does not fit to the collections "
		    "that are new");
	return err;
}

static enum tb_err put_in_force(struct redeclaring *r)
{
	size_t n = r->config->declaration.n_collections;
	bool differs = false;
	struct tb_buf buf;
	enum tb_err err = TB_OK;

	tb_buf_init(&buf, TEXT_MAX_BYTES);
	tb_buf_append_z(&buf, "collections:\n");
	for (size_t i = 0; i < n; i++) {
		differs |= r->instead[i].p != NULL;
		tb_buf_append_str(&buf, r->instead[i].p ? r->instead[i]
							: r->texts[i]);
	}
	if (differs)
		err = adopt(r->config, &buf);
	tb_buf_fini(&buf);
	if (err == TB_ERR_INVALID)
		err = keep_all(r);
	return err || !differs ? err : describe(r);
}

/* ---- who sees what ---- */

/* Whose ids the field of a rule holds; p NULL: nobody's. */
static struct tb_str owner_of(const struct tb_declaration *declaration,
			      const struct tb_collection *collection,
			      const struct tb_sight_rule *rule)
{
	const struct tb_collection *holder =
		rule->through.p
			? tb_declaration_find(declaration, rule->through)
			: collection;
	const struct tb_collection *owner =
		holder ? tb_field_target(declaration, holder, rule->field)
		       : NULL;

	return owner ? owner->name : TB_STR_NONE;
}

static bool is_same_rule(const struct tb_sight_rule *a,
			 const struct tb_sight_rule *b)
{
	return tb_str_eq(a->role, b->role) && tb_str_eq(a->field, b->field) &&
	       tb_str_eq(a->through, b->through) &&
	       tb_str_eq(a->reference, b->reference);
}

/* True if everybody sees the same of a collection under both declarations. */
static bool is_seen_alike(const struct tb_declaration *before,
			  const struct tb_collection *old,
			  const struct tb_declaration *after,
			  const struct tb_collection *now)
{
	bool alike = now && now->path.p && now->id_type == old->id_type &&
		     now->n_rules == old->n_rules;

	for (size_t i = 0; alike && i < now->n_rules; i++)
		alike = is_same_rule(&old->rules[i], &now->rules[i]) &&
			tb_str_eq(owner_of(before, old, &old->rules[i]),
				  owner_of(after, now, &now->rules[i]));
	return alike;
}

static enum tb_err parse_kept(struct redeclaring *r, const struct tb_json *kept,
			      struct tb_declaration *ret)
{
	size_t n = tb_json_count(tb_json_root(kept));
	struct tb_collection *collections =
		tb_arena_calloc(r->arena, n, sizeof(*collections));
	struct tb_json_iter it = tb_json_iter(tb_json_root(kept));
	enum tb_err err = TB_OK;
	struct tb_str text;

	if (!collections)
		return TB_ERR_NOMEM;
	for (size_t i = 0; !err && tb_json_next(&it); i++) {
		err = tb_json_string(r->arena, it.value, &text);
		if (!err)
			err = tb_config_parse_collection(r->arena, text,
							 &collections[i]);
	}
	if (!err)
		*ret = (struct tb_declaration) { .collections = collections,
						 .n_collections = n };
	return err;
}

/* The resources of which others are seen now than before. One that is none any
 * more is among them, because nobody knows what it will be when it comes back.
 */
static enum tb_err find_resighted(struct redeclaring *r,
				  const struct tb_json *kept,
				  struct tb_str **rets, size_t *ret_n)
{
	const struct tb_declaration *after = &r->config->declaration;
	struct tb_declaration before;
	struct tb_str *names;
	size_t n = 0;
	enum tb_err err = parse_kept(r, kept, &before);

	if (err)
		return err;
	names = tb_arena_calloc(r->arena, before.n_collections, sizeof(*names));
	if (!names)
		return TB_ERR_NOMEM;
	for (size_t i = 0; i < before.n_collections; i++) {
		const struct tb_collection *old = &before.collections[i];

		if (old->path.p &&
		    !is_seen_alike(&before, old, after,
				   tb_declaration_find(after, old->name)))
			names[n++] = old->name;
	}
	*rets = names;
	*ret_n = n;
	return TB_OK;
}

/* ---- places ---- */

/* A collection, and those whose records show others to somebody by its rules:
 * they are what brings those into sight. */
static size_t add_with_showing(const struct tb_declaration *declaration,
			       const struct tb_collection *collection,
			       const struct tb_collection **list, size_t n)
{
	list[n++] = collection;
	for (size_t i = 0; i < collection->n_rules; i++) {
		struct tb_str through = collection->rules[i].through;

		if (through.p)
			list[n++] = tb_declaration_find(declaration, through);
	}
	return n;
}

static bool is_among(struct tb_str name, const struct tb_redeclared *list,
		     size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (tb_str_eq(list[i].now->name, name))
			return true;
	return false;
}

/* Notes what is about to be placed anew. If the server ends in the middle of
 * it, the next start places these, too, whatever it is declared then. */
static enum tb_err note_unfinished(struct redeclaring *r, uint32_t org,
				   const struct tb_json *kept,
				   const struct tb_redeclared *changed,
				   size_t n_changed)
{
	struct tb_json_iter it = tb_json_iter(tb_json_root(kept));
	struct tb_buf buf;
	struct tb_json_writer w = begin_texts(&buf);
	struct tb_str name, text;
	enum tb_err err = TB_OK;

	while (!err && tb_json_next(&it)) {
		err = tb_json_string(r->arena, it.key, &name);
		if (!err)
			err = tb_json_string(r->arena, it.value, &text);
		if (!err && is_among(name, changed, n_changed) &&
		    !tb_str_starts(text, UNFINISHED))
			err = tb_arena_printf(r->arena, &text, "%.*s%.*s",
					      TB_STR_ARG(UNFINISHED),
					      TB_STR_ARG(text));
		if (err)
			break;
		tb_json_key(&w, name);
		tb_json_str(&w, text);
	}
	if (!err)
		return keep_texts(r, org, &w, NULL, 0);
	tb_buf_fini(&buf);
	return err;
}

static enum tb_err place(struct redeclaring *r, const struct tb_org *org,
			 const struct tb_redeclared *changed, size_t n_changed)
{
	const struct tb_collection **list = tb_arena_calloc(
		r->arena, n_changed * (1 + TB_RULES_MAX), sizeof(*list));
	struct tb_heads heads;
	uint64_t n_left = 0;
	size_t n = 0;
	enum tb_err err;

	if (!list)
		return TB_ERR_NOMEM;
	for (size_t i = 0; i < n_changed; i++)
		n = add_with_showing(&r->config->declaration, changed[i].now,
				     list, n);
	err = tb_redeclare_place(r->core, org->id, list, n, &n_left);
	if (!err)
		err = tb_core_heads(r->core, org->id, &heads);
	if (err)
		return err;
	if (heads.head != org->head)
		say(r, false,
		    "org `%s`: the records of %zu collections were placed anew",
		    org->name, n_changed);
	if (n_left > 0)
		say(r, true,
		    "org `%s`: %llu records stay where they are: they would be "
		    "in too many places, or another has their id",
		    org->name, (unsigned long long)n_left);
	return TB_OK;
}

static enum tb_err place_org(struct redeclaring *r, const struct tb_org *org)
{
	size_t n_all = r->config->declaration.n_collections;
	struct tb_redeclared *list =
		tb_arena_calloc(r->arena, n_all, sizeof(*list));
	struct tb_str *resighted = NULL;
	size_t n = 0, n_resighted = 0;
	struct tb_json kept;
	bool is_kept;
	enum tb_err err;

	if (!list)
		return TB_ERR_NOMEM;
	err = read_kept(r, org->id, &kept, &is_kept);
	if (!err)
		err = find_changed(r, &kept, list, &n);
	/* Also one that is declared no more is forgotten, so that it counts as
	 * changed when it comes back. */
	if (err || (n == 0 && tb_json_count(tb_json_root(&kept)) == n_all))
		return err;
	if (n > 0 && is_kept)
		err = note_unfinished(r, org->id, &kept, list, n);
	if (!err && n > 0 && !is_unused(org, is_kept))
		err = place(r, org, list, n);
	if (!err)
		err = find_resighted(r, &kept, &resighted, &n_resighted);
	return err ? err : keep(r, org->id, resighted, n_resighted);
}

static enum tb_err find_in_force(struct redeclaring *r,
				 const struct tb_org *org)
{
	if (r->in_force.p)
		return TB_OK;
	return tb_redeclare_kept(r->core, r->arena, org->id, &r->in_force);
}

/* An org that was made since the last start has been used with what was in
 * force then. */
static enum tb_err keep_for_new(struct redeclaring *r, const struct tb_org *org)
{
	struct tb_str kept;
	enum tb_err err = TB_OK;

	if (!r->in_force.p)
		return TB_OK;
	err = tb_redeclare_kept(r->core, r->arena, org->id, &kept);
	return err || kept.p ? err
			     : tb_redeclare_keep(r->core, org->id, r->in_force,
						 NULL, 0);
}

enum tb_err tb_redeclare(struct tb_config *config, struct tb_core *core,
			 tb_redeclare_report_fn *report, void *ctx)
{
	struct redeclaring r = {
		.config = config,
		.core = core,
		.arena = tb_arena_create(ARENA_MAX_BYTES),
		.report = report,
		.ctx = ctx,
	};
	enum tb_err err;

	if (!r.arena)
		return TB_ERR_NOMEM;
	err = describe(&r);
	if (!err)
		err = for_each_org(&r, find_in_force);
	if (!err)
		err = for_each_org(&r, keep_for_new);
	if (!err)
		err = for_each_org(&r, check_org);
	if (!err)
		err = put_in_force(&r);
	if (!err)
		err = for_each_org(&r, place_org);
	tb_arena_destroy(r.arena);
	return err;
}

enum tb_err tb_redeclare_take(struct tb_config *config, struct tb_core *core)
{
	struct redeclaring r = {
		.config = config,
		.core = core,
		.arena = tb_arena_create(ARENA_MAX_BYTES),
	};
	enum tb_err err;

	if (!r.arena)
		return TB_ERR_NOMEM;
	err = describe(&r);
	if (!err)
		err = take_first(&r);
	tb_arena_destroy(r.arena);
	return err;
}
