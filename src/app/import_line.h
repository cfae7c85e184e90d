/*
 * A line of what `tombolo export` prints and `tombolo import` reads, a JSON
 * object:
 *   {"table","recordID","id","data","deleted","created_at","updated_at"}
 *                  a record; `id` is the integer that it is known by as well
 *   {"table","next_id"}  the id that the table's next record gets at least
 *   {"event":{...}}      an event, as its readers get it
 *   {"acl":{"rules":[...]}}                            the access rules
 * `data`, `event` and `acl` may also be a string that holds the object's text,
 * as it must be where its author wrote it over several lines. Pure.
 */
#ifndef TB_APP_IMPORT_LINE_H
#define TB_APP_IMPORT_LINE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "codec/json.h"
#include "kernel/event.h"
#include "kernel/push.h"
#include "kernel/transfer.h"

enum tb_import_kind {
	TB_IMPORT_RECORD,
	TB_IMPORT_EVENT,
	TB_IMPORT_RULES,
	TB_IMPORT_NEXT_ID,
};

struct tb_import_line {
	enum tb_import_kind kind;
	struct tb_push_item record; /* without updated_us */
	int64_t updated_us;         /* of a record; INT64_MAX: not given */
	struct tb_event event;
	struct tb_str rules; /* a list that tb_acl_parse takes */
	struct tb_next_id next_id;
};

/* Reads a line. `latest_us`: how late a record's update may be. Strings live
 * in the text or in the arena. INVALID, TOO_DEEP, TOO_LARGE: what is wrong
 * with it to `ret_problem`. NOMEM. */
enum tb_err tb_import_line_read(struct tb_arena *arena, struct tb_str text,
				int64_t latest_us, struct tb_import_line *ret,
				struct tb_str *ret_problem) tb_must_check;

/* Writes a member that is read back byte for byte: the object itself, or a
 * string that holds its text. */
void tb_import_line_put(struct tb_json_writer *w, const char *name,
			struct tb_str object);

#endif
