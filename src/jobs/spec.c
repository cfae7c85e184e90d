#include "jobs/spec.h"

#include "base/assert.h"
#include "codec/json.h"
#include "codec/time.h"
#include "jobs/connectors/connector.h"
#include "jobs/fields.h"
#include "kernel/job.h"

#define PRIORITY_NORMAL 50
#define CONCURRENCY_MAX 16
#define RETRIES_MAX 100
#define RETRIES_DEFAULT 3
/* Of a member's name that comes back in a message. */
#define SHOWN_MAX_BYTES 100

/* What a body is read with, and into. */
struct decoder {
	struct tb_arena *arena;
	const struct tb_spec_context *context;
	struct tb_fields body;
	struct tb_fields data;
	struct tb_fields filters;
	struct tb_fields options;
	struct tb_fields schedule;
	struct tb_spec spec;
};

/* ---- the job's own members ---- */

/* Those of C1, in UTF-8; no text has the others. */
static bool has_c1_control(struct tb_str text)
{
	for (size_t i = 1; i < text.n; i++)
		if ((unsigned char)text.p[i - 1] == 0xc2 &&
		    (unsigned char)text.p[i] < 0xa0)
			return true;
	return false;
}

static enum tb_err read_name(struct decoder *decoder)
{
	const struct tb_fields *body = &decoder->body;
	struct tb_str name;
	enum tb_err err = tb_fields_need(body, "name");

	if (!err)
		err = tb_fields_text(body, "name", &name);
	if (err)
		return err;
	if (name.n == 0 || name.n > TB_JOB_NAME_MAX_BYTES)
		return tb_fields_fail(body, "name", "must be 1 to 200 bytes");
	if (has_c1_control(name))
		return tb_fields_fail(body, "name",
				      "must not hold control characters");
	if (tb_str_eq(name, TB_STR(".")) || tb_str_eq(name, TB_STR("..")))
		return tb_fields_fail(body, "name", "must not be . or ..");
	decoder->spec.name = name;
	return TB_OK;
}

static const char *const types[] = {
	[TB_SPEC_FULL] = "full",
	[TB_SPEC_INCREMENTAL] = "incremental",
	[TB_SPEC_ENTITY] = "entity",
	[TB_SPEC_SCHEDULED] = "scheduled",
	NULL,
};

static enum tb_err read_type(struct decoder *decoder)
{
	unsigned type;
	enum tb_err err = tb_fields_need(&decoder->body, "type");

	if (!err)
		err = tb_fields_choice(&decoder->body, "type", types, 0, &type);
	if (err)
		return err;
	decoder->spec.type = (enum tb_spec_type)type;
	decoder->spec.type_name = tb_str_z(types[type]);
	decoder->spec.is_incremental = type == TB_SPEC_INCREMENTAL;
	return TB_OK;
}

static const struct {
	const char *name;
	uint32_t priority;
} priorities[] = {
	{ "low", 25 },
	{ "normal", PRIORITY_NORMAL },
	{ "high", 75 },
	{ "critical", 100 },
};

static enum tb_err read_priority(struct decoder *decoder)
{
	struct tb_json_value value = tb_fields_get(&decoder->body, "priority");
	uint64_t v = PRIORITY_NORMAL;

	for (size_t i = 0; i < TB_ARRAY_LEN(priorities); i++)
		if (tb_json_string_is(value, tb_str_z(priorities[i].name))) {
			decoder->spec.priority = priorities[i].priority;
			return TB_OK;
		}
	if (!tb_json_is_absent(value) &&
	    (tb_json_u64(value, &v) || v > TB_JOB_PRIORITY_MAX))
		return tb_fields_fail(
			&decoder->body, "priority",
			"must be one of low, normal, high, critical, or a "
			"whole number from 0 to 100");
	decoder->spec.priority = (uint32_t)v;
	return TB_OK;
}

/* ---- data ---- */

/* The source of a name; NULL for `local`, whose type has this name, too. */
static enum tb_err read_place(struct decoder *decoder, const char *name,
			      const struct tb_source **ret)
{
	const struct tb_spec_context *context = decoder->context;
	const struct tb_source *source = NULL;
	struct tb_str text;
	enum tb_err err = tb_fields_text(&decoder->data, name, &text);

	if (err)
		return err;
	if (text.p && !tb_str_eq(text, TB_STR(TB_SOURCE_LOCAL))) {
		source = tb_sources_find(context->sources, text, context->org);
		if (!source)
			return tb_fields_fail(&decoder->data, name,
					      "is unknown");
	}
	*ret = source;
	return TB_OK;
}

static const struct tb_connector *connector_of(const struct tb_source *source)
{
	return tb_connector_find(source ? source->type : TB_SOURCE_LOCAL);
}

static enum tb_err read_places(struct decoder *decoder)
{
	struct tb_fields *data = &decoder->data;
	struct tb_spec *spec = &decoder->spec;
	enum tb_err err = tb_fields_need(data, "source");

	if (!err)
		err = read_place(decoder, "source", &spec->source);
	if (!err)
		err = read_place(decoder, "target", &spec->target);
	if (err)
		return err;
	if (!spec->source && !spec->target)
		return tb_fields_fail(data, "source",
				      "and data.target must not both be local");
	if (!spec->target)
		return TB_OK;
	if (!connector_of(spec->target)->can_send)
		return tb_fields_fail(data, "target", "cannot be written");
	if (connector_of(spec->source)->is_mixed)
		return tb_fields_fail(data, "target",
				      "must be local with this source");
	return TB_OK;
}

/* "one of those that the source declares (for the source `local`: the
 * target)" */
static enum tb_err read_entity(struct decoder *decoder)
{
	struct tb_fields *data = &decoder->data;
	struct tb_spec *spec = &decoder->spec;
	const struct tb_source *declaring =
		spec->source ? spec->source : spec->target;
	struct tb_str text;
	enum tb_err err = TB_OK;

	TB_ASSERT(declaring);
	if (spec->type == TB_SPEC_ENTITY)
		err = tb_fields_need(data, "entity");
	if (!err)
		err = tb_fields_text(data, "entity", &text);
	if (err)
		return err;
	spec->entities = declaring->entities;
	spec->n_entities = declaring->n_entities;
	if (text.p) {
		spec->entities = tb_source_entity_find(declaring, text);
		spec->n_entities = 1;
		if (!spec->entities)
			return tb_fields_fail(data, "entity", "is unknown");
	}
	return TB_OK;
}

static enum tb_err read_since(struct decoder *decoder)
{
	struct tb_spec *spec = &decoder->spec;
	struct tb_str text;
	enum tb_err err =
		tb_fields_text(&decoder->filters, "updatedSince", &text);

	if (err || !text.p)
		return err;
	if (tb_time_parse(text, TB_TIME_ZONE_REQUIRED | TB_TIME_ANY_FORM,
			  &spec->updated_since_us))
		return tb_fields_fail(&decoder->filters, "updatedSince",
				      "must be a time");
	return TB_OK;
}

/* INVALID: one of them is no text, or says nothing. */
static enum tb_err take_handles(struct decoder *decoder,
				struct tb_json_value value)
{
	struct tb_json_iter it = tb_json_iter(value);
	struct tb_spec *spec = &decoder->spec;
	struct tb_str *handles = tb_arena_calloc(
		decoder->arena, tb_json_count(value), sizeof(*handles));
	size_t n = 0;
	enum tb_err err = TB_OK;

	if (!handles)
		return tb_arena_err(decoder->arena);
	while (!err && tb_json_next(&it)) {
		err = tb_json_string(decoder->arena, it.value, &handles[n]);
		if (!err &&
		    (handles[n].n == 0 || tb_str_has_control(handles[n])))
			err = TB_ERR_INVALID;
		n++;
	}
	spec->handles = handles;
	spec->n_handles = n;
	return err;
}

static enum tb_err read_handles(struct decoder *decoder)
{
	static const char name[] = "collections";
	struct tb_fields *filters = &decoder->filters;
	struct tb_json_value value = tb_fields_get(filters, name);
	size_t n;
	enum tb_err err = TB_ERR_INVALID;

	if (tb_json_is_absent(value))
		return TB_OK;
	if (!tb_json_is(value, TB_JSON_ARRAY))
		return tb_fields_fail(filters, name, "must be an array");
	n = tb_json_count(value);
	if (n >= 1 && n <= TB_SPEC_HANDLES_MAX)
		err = take_handles(decoder, value);
	if (err == TB_ERR_INVALID)
		return tb_fields_fail(filters, name,
				      "must be 1 to 100 strings, none of "
				      "them empty");
	if (!err && !connector_of(decoder->spec.source)->has_handles)
		return tb_fields_fail(filters, name,
				      "cannot be used with this source");
	return err;
}

/* The beginning of a name, which is UTF-8, cut at a character. */
static struct tb_str shorten(struct tb_str name)
{
	size_t n = SHOWN_MAX_BYTES;

	if (name.n <= n)
		return name;
	while (n > 0 && ((unsigned char)name.p[n] & 0xc0) == 0x80)
		n--;
	return tb_str(name.p, n);
}

/* "a filter that is not understood would let through too much" */
static enum tb_err refuse_others(struct decoder *decoder)
{
	struct tb_fields *filters = &decoder->filters;
	struct tb_json_iter it = tb_json_iter(filters->object);
	struct tb_str name;
	struct tb_str shown;
	enum tb_err err = TB_OK;

	while (!err && tb_json_next(&it)) {
		if (tb_json_is(it.value, TB_JSON_NULL) ||
		    tb_json_string_is(it.key, TB_STR("updatedSince")) ||
		    tb_json_string_is(it.key, TB_STR("collections")))
			continue;
		err = tb_json_string(decoder->arena, it.key, &name);
		if (!err)
			err = tb_arena_strdup(decoder->arena, shorten(name),
					      &shown);
		if (!err)
			err = tb_fields_fail(filters, shown.p, "is unknown");
	}
	return err;
}

static enum tb_err read_data(struct decoder *decoder)
{
	enum tb_err err = tb_fields_need(&decoder->body, "data");

	if (!err)
		err = tb_fields_object(&decoder->body, "data", "data.",
				       &decoder->data);
	if (!err)
		err = read_places(decoder);
	if (!err)
		err = read_entity(decoder);
	if (!err)
		err = tb_fields_object(&decoder->data, "filters",
				       "data.filters.", &decoder->filters);
	if (!err)
		err = refuse_others(decoder);
	if (!err)
		err = read_since(decoder);
	return err ? err : read_handles(decoder);
}

/* ---- options ---- */

static enum tb_err read_options(struct decoder *decoder)
{
	struct tb_fields *options = &decoder->options;
	struct tb_spec *spec = &decoder->spec;
	bool is_retried;
	enum tb_err err = tb_fields_object(&decoder->body, "options",
					   "options.", options);

	if (!err)
		err = tb_fields_whole(options, "concurrency", 1,
				      CONCURRENCY_MAX, 1, &spec->concurrency);
	if (!err)
		err = tb_fields_bool(options, "retryOnFail", true, &is_retried);
	if (!err)
		err = tb_fields_whole(options, "maxRetries", 0, RETRIES_MAX,
				      RETRIES_DEFAULT, &spec->retries_max);
	if (err)
		return err;
	if (!is_retried)
		spec->retries_max = 0;
	return TB_OK;
}

/* ---- schedule ---- */

static const struct {
	const char *name;
	size_t offset;
} schedule_texts[] = {
	{ "startAt", offsetof(struct tb_schedule_form, start_at) },
	{ "repeat", offsetof(struct tb_schedule_form, repeat) },
	{ "time", offsetof(struct tb_schedule_form, time) },
	{ "timezone", offsetof(struct tb_schedule_form, timezone) },
};

static const char *const missed_names[] = {
	[TB_MISSED_RUN_ONCE] = "run_once",
	[TB_MISSED_SKIP] = "skip",
	NULL,
};

enum mode {
	MODE_FULL,
	MODE_INCREMENTAL
};
static const char *const mode_names[] = {
	[MODE_FULL] = "full",
	[MODE_INCREMENTAL] = "incremental",
	NULL,
};

/* Whether the schedule is one, which who makes it knows. */
static enum tb_err judge_schedule(struct decoder *decoder)
{
	struct tb_schedule *schedule;
	const char *problem;
	enum tb_err err = tb_schedule_create(&decoder->spec.schedule, &schedule,
					     &problem);

	if (err == TB_ERR_INVALID)
		*decoder->body.problem = tb_str_z(problem);
	if (!err)
		tb_schedule_destroy(schedule);
	return err;
}

static enum tb_err read_schedule_members(struct decoder *decoder)
{
	struct tb_fields *schedule = &decoder->schedule;
	struct tb_spec *spec = &decoder->spec;
	unsigned missed;
	unsigned mode;
	enum tb_err err = TB_OK;

	spec->schedule.default_timezone = decoder->context->default_timezone;
	spec->schedule.queued_us = decoder->context->queued_us;
	for (size_t i = 0; !err && i < TB_ARRAY_LEN(schedule_texts); i++) {
		void *at = (char *)&spec->schedule + schedule_texts[i].offset;

		err = tb_fields_text(schedule, schedule_texts[i].name, at);
	}
	if (!err)
		err = judge_schedule(decoder);
	if (!err)
		err = tb_fields_choice(schedule, "missed", missed_names,
				       decoder->context->default_missed,
				       &missed);
	if (!err)
		err = tb_fields_choice(schedule, "mode", mode_names, MODE_FULL,
				       &mode);
	if (err)
		return err;
	spec->missed = (enum tb_schedule_missed)missed;
	spec->is_incremental = mode == MODE_INCREMENTAL;
	return TB_OK;
}

static enum tb_err read_schedule(struct decoder *decoder)
{
	struct tb_json_value value = tb_fields_get(&decoder->body, "schedule");
	enum tb_err err;

	if (decoder->spec.type != TB_SPEC_SCHEDULED)
		return tb_json_is_absent(value)
			       ? TB_OK
			       : tb_fields_fail(
					 &decoder->body, "schedule",
					 "is only for the type scheduled");
	err = tb_fields_need(&decoder->body, "schedule");
	if (!err)
		err = tb_fields_object(&decoder->body, "schedule", "schedule.",
				       &decoder->schedule);
	return err ? err : read_schedule_members(decoder);
}

/* ---- the whole ---- */

static enum tb_err fail(struct tb_str *ret_problem, struct tb_str problem)
{
	*ret_problem = problem;
	return TB_ERR_INVALID;
}

static enum tb_err read_members(struct decoder *decoder)
{
	static enum tb_err (*const readers[])(struct decoder * decoder) = {
		read_name, read_type,    read_priority,
		read_data, read_options, read_schedule,
	};
	enum tb_err err = TB_OK;

	for (size_t i = 0; !err && i < TB_ARRAY_LEN(readers); i++)
		err = readers[i](decoder);
	return err;
}

enum tb_err tb_spec_decode(struct tb_arena *arena, struct tb_str body,
			   const struct tb_spec_context *context,
			   struct tb_spec *ret, struct tb_str *ret_problem)
{
	struct decoder decoder = {
		.arena = arena,
		.context = context,
		.body = { arena, TB_JSON_ABSENT, "", ret_problem },
		.spec = { .updated_since_us = INT64_MIN },
	};
	struct tb_json_limits limits = tb_json_default_limits;
	struct tb_json json;
	enum tb_err err;

	if (body.n == 0)
		return fail(ret_problem, TB_STR("Empty Data"));
	/* Each member says by its name that it must not have one. */
	limits.allow_nul = true;
	err = tb_json_parse(arena, body, &limits, &json, NULL);
	if (err == TB_ERR_INVALID || err == TB_ERR_TOO_DEEP)
		return fail(ret_problem, TB_STR("Invalid JSON"));
	if (err)
		return err;
	decoder.body.object = tb_json_root(&json);
	if (!tb_json_is(decoder.body.object, TB_JSON_OBJECT))
		return fail(ret_problem, TB_STR("body must be an object"));
	if (tb_json_count(decoder.body.object) == 0)
		return fail(ret_problem, TB_STR("Empty Data"));
	err = read_members(&decoder);
	if (!err)
		*ret = decoder.spec;
	return err;
}
