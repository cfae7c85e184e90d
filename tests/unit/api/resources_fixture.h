/*
 * A clinic's collections as resources, for the unit tests of that API: records
 * are written as commits write them, and calls are made as the server makes
 * them.
 */
#ifndef TB_TESTS_RESOURCES_FIXTURE_H
#define TB_TESTS_RESOURCES_FIXTURE_H

#include "../kernel/inline_core.h"

#include "api/resources/handlers.h"
#include "api/resources/resources.h"
#include "base/assert.h"
#include "codec/json.h"
#include "http/source.h"
#include "kernel/placing.h"

enum {
	DOCTORS,
	PATIENTS,
	APPOINTMENTS,
	STOCK,
	NOTES,
	PHARMACIES,
	N_COLLECTIONS,
};

struct fixture {
	struct inline_core ic;
	struct tb_arena *declared; /* outlives the request's */
	struct tb_collection collections[N_COLLECTIONS];
	struct tb_declaration declaration;
	struct tb_resources_options options;
	struct tb_resources *resources;
	uint32_t org;
	struct tb_str role;
	struct tb_principal principal;
	struct tb_header headers[4];
	struct tb_request req;
	struct tb_response res;
};

#define S TB_STR_INIT

static const struct tb_field doctor_fields[] = {
	{ .name = S("specialization"), .type = TB_FIELD_STRING },
};
static const struct tb_field patient_fields[] = {
	{ .name = S("phone"), .type = TB_FIELD_STRING },
	{ .name = S("secret"), .type = TB_FIELD_STRING, .hidden = true },
};
static const struct tb_str states[] = { S("PENDING"), S("DONE") };
static const struct tb_field appointment_fields[] = {
	{ .name = S("patient_id"),
	  .type = TB_FIELD_INTEGER,
	  .references = S("patients") },
	{ .name = S("doctor_id"),
	  .type = TB_FIELD_INTEGER,
	  .references = S("doctors") },
	{ .name = S("status"),
	  .type = TB_FIELD_ENUM,
	  .values = states,
	  .n_values = 2 },
};
static const struct tb_field stock_fields[] = {
	{ .name = S("pharmacy_id"),
	  .type = TB_FIELD_INTEGER,
	  .references = S("pharmacies") },
	{ .name = S("pharmacy_name"),
	  .type = TB_FIELD_STRING,
	  .from = S("pharmacy_id"),
	  .show = S("name") },
	{ .name = S("quantity"), .type = TB_FIELD_INTEGER },
};
static const struct tb_field note_fields[] = {
	{ .name = S("text"), .type = TB_FIELD_TEXT },
};
static const struct tb_field pharmacy_fields[] = {
	{ .name = S("name"), .type = TB_FIELD_STRING },
};

static const struct tb_sight_rule any_rules[] = { { .role = S("any") } };
static const struct tb_sight_rule patient_rules[] = {
	{ .role = S("staff") },
	{ .role = S("patient"), .field = S("id") },
	{ .role = S("doctor"),
	  .field = S("doctor_id"),
	  .through = S("appointments"),
	  .reference = S("patient_id") },
};
static const struct tb_sight_rule appointment_rules[] = {
	{ .role = S("staff") },
	{ .role = S("doctor"), .field = S("doctor_id") },
	{ .role = S("patient"), .field = S("patient_id") },
	{ .role = S("patient"), .field = S("doctor_id") },
};
static const struct tb_filter appointment_filters[] = {
	{ .field = S("status"), .doc = S("Only those in this state") },
	{ .field = S("doctor_id"), .doc = S("Only those of this doctor") },
};
static const struct tb_filter stock_filters[] = {
	{ .field = S("pharmacy_id"), .doc = S("Optional pharmacy filter") },
};

#define FIELDS(list) .fields = (list), .n_fields = TB_ARRAY_LEN(list)
#define RULES(list) .rules = (list), .n_rules = TB_ARRAY_LEN(list)
#define FILTERS(list) .filters = (list), .n_filters = TB_ARRAY_LEN(list)
#define TIMES                                                                  \
	.created_name = S("created_at"), .updated_name = S("updated_at"),      \
	.synced_name = S("last_synced_at")

static const struct tb_collection clinic[N_COLLECTIONS] = {
	[DOCTORS] = { .name = S("doctors"),
		      .path = S("doctors"),
		      .routing = TB_ROUTING_CENTRAL,
		      .id_type = TB_ID_INTEGER,
		      TIMES,
		      FIELDS(doctor_fields),
		      RULES(any_rules) },
	[PATIENTS] = { .name = S("patients"),
		       .path = S("patients"),
		       .routing = TB_ROUTING_CENTRAL,
		       .id_type = TB_ID_INTEGER,
		       TIMES,
		       FIELDS(patient_fields),
		       RULES(patient_rules) },
	[APPOINTMENTS] = { .name = S("appointments"),
			   .path = S("appointments"),
			   .routing = TB_ROUTING_CENTRAL,
			   .id_type = TB_ID_INTEGER,
			   TIMES,
			   FIELDS(appointment_fields),
			   RULES(appointment_rules),
			   FILTERS(appointment_filters) },
	[STOCK] = { .name = S("pharmacy_stock"),
		    .path = S("pharmacy-stock"),
		    .routing = TB_ROUTING_CENTRAL,
		    .id_type = TB_ID_INTEGER,
		    .order = TB_ORDER_COMMIT,
		    .updated_name = S("last_updated"),
		    FIELDS(stock_fields),
		    RULES(any_rules),
		    FILTERS(stock_filters) },
	[NOTES] = { .name = S("notes"),
		    .path = S("notes"),
		    .routing = TB_ROUTING_CENTRAL,
		    .id_type = TB_ID_STRING,
		    .updated_name = S("updated_at"),
		    .max_token_age_s = 0,
		    FIELDS(note_fields),
		    RULES(any_rules) },
	[PHARMACIES] = { .name = S("pharmacies"),
			 .routing = TB_ROUTING_CENTRAL,
			 .id_type = TB_ID_INTEGER,
			 FIELDS(pharmacy_fields) },
};

/* The inline core knows no collections: another one on the same store does. */
static inline void fixture_declare(struct fixture *f)
{
	struct tb_core_options options = {
		.store = f->ic.store,
		.committer = { inline_core_submit, &f->ic },
		.now_us = inline_core_now_us,
		.now_ctx = &f->ic,
		.declaration = &f->declaration,
	};

	memcpy(f->collections, clinic, sizeof(clinic));
	MUST(tb_declaration_finish(f->declared, f->collections, N_COLLECTIONS));
	f->declaration = (struct tb_declaration) {
		.collections = f->collections,
		.n_collections = N_COLLECTIONS,
	};
	tb_core_destroy(f->ic.core);
	MUST(tb_core_create(&options, &f->ic.core));
}

static inline void fixture_init_on(struct fixture *f,
				   const struct tb_store_ops *ops,
				   const char *path)
{
	struct tb_api_env env = { .data = "/tmp" };
	struct tb_heads heads;

	*f = (struct fixture) { .options = tb_resources_default_options };
	inline_core_init_on(&f->ic, ops, path);
	f->declared = tb_arena_create((size_t)1 << 20);
	assert_non_null(f->declared);
	fixture_declare(f);
	f->org = inline_core_add_org(&f->ic, "one");
	env.core = f->ic.core;
	env.options = &f->options;
	MUST(tb_resources_create(&env, &f->resources));
	f->role = TB_STR("staff");
	MUST(tb_core_heads(f->ic.core, f->org, &heads));
	f->principal = (struct tb_principal) { .org = f->org,
					       .generation = heads.generation,
					       .rid = 4711,
					       .key = TB_STR("u"),
					       .roles = &f->role,
					       .n_roles = 1 };
}

static inline void fixture_init(struct fixture *f)
{
	fixture_init_on(f, &tb_store_memory, "memory");
}

static inline void fixture_fini(struct fixture *f)
{
	tb_response_empty(&f->res, 0);
	tb_resources_destroy(f->resources);
	inline_core_fini(&f->ic);
	tb_arena_destroy(f->declared);
}

/* Who calls from now on. */
static inline void fixture_become(struct fixture *f, const char *role,
				  const char *profile)
{
	f->role = tb_str_z(role);
	f->principal.profile = tb_str_z(profile);
	f->principal.rid++;
}

/* ---- writing ---- */

struct write {
	struct tb_commit commit;
	const struct tb_collection *collection;
	const char *key;
	const char *body; /* NULL: it is deleted */
	uint64_t id;      /* of a new one whose key is none */
};

static inline enum tb_err write_decide(struct tb_commit *commit,
				       struct tb_view *view)
{
	struct write *write = (struct write *)commit;
	struct tb_placement p = {
		.collection = write->collection,
		.key = tb_str_z(write->key),
		.body = tb_str_z(write->body ? write->body : "{}"),
		.deleted = !write->body,
		.id = write->id,
	};
	enum tb_err err = tb_view_name(view, TB_COLL_COLLECTION,
				       write->collection->name, &p.coll);

	if (!err)
		err = tb_view_get(view, p.coll, p.key, &p.old);
	if (!err && write->body)
		err = tb_routing_extract(tb_view_arena(view), write->collection,
					 p.body, &p.words);
	if (!err && write->body)
		err = tb_place_plan(view, &p);
	return err ? err : tb_place_write(view, &p, NULL);
}

static inline void fixture_write(struct fixture *f, size_t collection,
				 const char *key, const char *body, uint64_t id)
{
	static const struct tb_commit_kind kind = { .name = "test",
						    .decide = write_decide };
	struct write write = {
		.commit = { .kind = &kind, .org = f->org, .weight = 1 },
		.collection = &f->collections[collection],
		.key = key,
		.body = body,
		.id = id,
	};

	f->ic.now_us += 1000000;
	MUST(tb_core_commit(f->ic.core, &write.commit));
}

static inline void fixture_put(struct fixture *f, size_t collection,
			       const char *key, const char *body)
{
	fixture_write(f, collection, key, body, 0);
}

static inline void fixture_delete(struct fixture *f, size_t collection,
				  const char *key)
{
	fixture_write(f, collection, key, NULL, 0);
}

/* ---- calling ---- */

static inline struct tb_str fixture_header(const struct fixture *f,
					   const char *name)
{
	for (size_t i = 0; i < f->res.n_headers; i++)
		if (tb_str_eq(f->res.headers[i].name, tb_str_z(name)))
			return f->res.headers[i].value;
	return TB_STR_NONE;
}

/* A request for a path of two segments, or one where `id` is NULL; `query` may
 * be NULL. */
static inline void fixture_ask(struct fixture *f, const char *collection,
			       const char *id, const char *query)
{
	tb_response_empty(&f->res, 0);
	f->res = (struct tb_response) { .arena = f->ic.arena };
	f->req = (struct tb_request) {
		.method = TB_GET,
		.path = TB_STR("/api/x/"),
		.query = tb_str_z(query),
		.route = TB_STR("/{collection}/"),
		.params = { tb_str_z(collection), tb_str_z(id) },
		.headers = f->headers,
		.now_us = f->ic.now_us,
		.principal = &f->principal,
		.api = &tb_resources_api,
		.arena = f->ic.arena,
	};
	while (f->req.n_headers < TB_ARRAY_LEN(f->headers) &&
	       f->headers[f->req.n_headers].name.p)
		f->req.n_headers++;
}

/* Leaves the fractions of seconds out, which say how much a commit did. */
static inline void fixture_round(struct tb_str text)
{
	char *to = (char *)text.p;

	for (const char *at = text.p; *at;) {
		bool is_fraction = at[0] == '.' &&
				   strspn(at + 1, "0123456789") == 6 &&
				   at[7] == 'Z';

		if (is_fraction)
			at += 7;
		*to++ = *at++;
	}
	*to = '\0';
}

/* The body, as a text. */
static inline const char *fixture_body(struct fixture *f)
{
	struct tb_buf buf;
	struct tb_str text;

	tb_buf_init(&buf, (size_t)64 << 20);
	tb_buf_append_str(&buf, tb_buf_str(&f->res.body));
	while (f->res.source) {
		struct tb_piece piece;

		MUST(f->res.source->ops->make(f->res.source, &piece));
		if (!piece.plain)
			break;
		tb_buf_append_str(&buf, tb_blob_str(piece.plain));
		tb_piece_release(&piece);
	}
	MUST(tb_arena_strdup(f->ic.arena, tb_buf_str(&buf), &text));
	tb_buf_fini(&buf);
	fixture_round(text);
	return text.p;
}

/* Gets a list, from memory if that can answer. */
static inline const char *
fixture_list(struct fixture *f, const char *collection, const char *query)
{
	fixture_ask(f, collection, NULL, query);
	if (!tb_resources_get_list_quick(f->resources, &f->req, &f->res))
		tb_resources_get_list(f->resources, &f->req, &f->res);
	return fixture_body(f);
}

static inline const char *fixture_one(struct fixture *f, const char *collection,
				      const char *id)
{
	fixture_ask(f, collection, id, NULL);
	tb_resources_get_one(f->resources, &f->req, &f->res);
	return fixture_body(f);
}

#endif
