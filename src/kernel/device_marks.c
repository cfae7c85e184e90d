#include "kernel/device_marks.h"

#include "codec/json.h"

/* Two marks of islands of two numbers of 20 digits. */
#define TEXT_MAX_BYTES ((size_t)1 << 20)

static const struct tb_json_limits limits = {
	.max_depth = 8,
	.max_nodes = 1u << 20,
	.tape_depth = 1,
};

bool tb_device_marks_have(const struct tb_device_marks *marks, bool is_critical,
			  uint64_t id)
{
	return tb_marks_has(is_critical ? &marks->critical : &marks->others,
			    id);
}

uint64_t tb_device_marks_next(const struct tb_device_marks *marks, uint64_t id)
{
	uint64_t critical = tb_marks_next(&marks->critical, id);
	uint64_t other = tb_marks_next(&marks->others, id);

	return critical < other ? critical : other;
}

uint64_t tb_device_marks_next_done(const struct tb_device_marks *marks,
				   uint64_t id)
{
	for (;;) {
		uint64_t critical = tb_marks_next_done(&marks->critical, id);

		id = tb_marks_next_done(&marks->others, critical);
		if (id == critical)
			return id;
	}
}

uint64_t tb_device_marks_missed(const struct tb_device_marks *marks,
				uint64_t floor)
{
	return tb_device_marks_next(marks, 1) <= floor ? floor : 0;
}

enum tb_err tb_device_marks_encode(struct tb_arena *arena,
				   const struct tb_device_marks *marks,
				   struct tb_str *ret)
{
	struct tb_buf buf;

	tb_buf_init(&buf, TEXT_MAX_BYTES);
	tb_buf_append_z(&buf, "{\"critical\":");
	tb_marks_encode(&buf, &marks->critical);
	tb_buf_append_z(&buf, ",\"others\":");
	tb_marks_encode(&buf, &marks->others);
	tb_buf_append_char(&buf, '}');
	return tb_buf_copy_out(&buf, arena, ret);
}

static enum tb_err read_marks(struct tb_arena *arena,
			      const struct tb_json *json, struct tb_str name,
			      struct tb_marks *ret)
{
	struct tb_json_value v = tb_json_get(tb_json_root(json), name);

	if (tb_json_is_absent(v))
		return TB_ERR_CORRUPT;
	return tb_marks_decode(arena, tb_json_raw(v), ret);
}

enum tb_err tb_device_marks_decode(struct tb_arena *arena, struct tb_str text,
				   struct tb_device_marks *ret)
{
	struct tb_device_marks marks;
	struct tb_json json;
	enum tb_err err = tb_json_parse(arena, text, &limits, &json, NULL);

	if (err != TB_OK)
		return err == TB_ERR_NOMEM ? err : TB_ERR_CORRUPT;
	err = read_marks(arena, &json, TB_STR("critical"), &marks.critical);
	if (err == TB_OK)
		err = read_marks(arena, &json, TB_STR("others"), &marks.others);
	if (err == TB_OK)
		*ret = marks;
	return err;
}
