#include "app/demo_events.h"

#include "base/assert.h"
#include "codec/json.h"
#include "kernel/event.h"

#define AUTHOR "user123"
#define BODIES_MAX_BYTES (64 * 1024)

static const char *const events[] = {
	"{\"uuid\":\"a1b2c3d4-e5f6-7890-1234-567890abcdef\","
	"\"timestamp\":1678886400,\"itemUuid\":\"item456\","
	"\"action\":\"create\",\"payload\":\"{}\"}",
	"{\"uuid\":\"b2c3d4e5-f6a7-8901-2345-67890abcdef0\","
	"\"timestamp\":1678886401,\"itemUuid\":\"item456\","
	"\"action\":\"update\",\"payload\":\"{\\\"name\\\": "
	"\\\"New Name\\\"}\"}",
};
#define EVENTS_COUNT TB_ARRAY_LEN(events)

/* Reads one event; its body goes to the arena. */
static enum tb_err take_event(struct tb_arena *arena, const char *text,
			      struct tb_event *ret)
{
	struct tb_event_fields fields;
	enum tb_event_flaw flaw;
	struct tb_json json;
	struct tb_buf body;
	enum tb_err err;

	err = tb_json_parse(arena, tb_str_z(text), NULL, &json, NULL);
	if (err)
		return err;
	tb_buf_init(&body, BODIES_MAX_BYTES);
	err = tb_event_take(arena, tb_json_root(&json), TB_STR(AUTHOR),
			    INT64_MAX, &body, &fields, &flaw);
	TB_ASSERT(err || flaw == TB_EVENT_GOOD);
	if (!err)
		err = tb_buf_err(&body);
	if (!err)
		err = tb_arena_strdup(arena, tb_buf_str(&body), &ret->body);
	if (!err)
		ret->uuid = fields.uuid;
	tb_buf_fini(&body);
	return err;
}

enum tb_err tb_demo_post_events(struct tb_core *core, struct tb_arena *arena,
				uint32_t org, const struct tb_audit_note *note)
{
	struct tb_event list[EVENTS_COUNT] = { 0 };
	struct tb_event_post post = { .events = list, .n = EVENTS_COUNT };
	struct tb_heads heads;
	enum tb_err err = tb_core_heads(core, org, &heads);

	for (size_t i = 0; !err && i < EVENTS_COUNT; i++)
		err = take_event(arena, events[i], &list[i]);
	if (err)
		return err;
	tb_event_post_init(&post, org);
	post.generation = heads.generation;
	post.commit.note = *note;
	return tb_core_commit(core, &post.commit);
}
