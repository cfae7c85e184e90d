/*
 * Events as clients get them in real time. Pure.
 */
#ifndef TB_API_DEVICES_LIVE_JSON_H
#define TB_API_DEVICES_LIVE_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "kernel/device_event.h"

struct tb_live_json {
	const char *name;    /* of the event that carries it; static */
	struct tb_str text;  /* its argument, an object; in the arena */
	uint64_t connection; /* an update: that sent it; else 0 */
};
/* NOMEM, TOO_LARGE: the arena's. CORRUPT: what is stored is no object. */
enum tb_err tb_live_json_make(struct tb_arena *arena,
			      const struct tb_device_event *event,
			      struct tb_live_json *ret) tb_must_check;

/* A sync_update as it is stored. `data` and `timestamp` are JSON; an empty one
 * is missing. Results in the arena; `*ret_payload` is a part of `*ret_sent`. */
struct tb_live_update {
	struct tb_str device;
	struct tb_str data;
	struct tb_str timestamp;
	uint64_t connection;
};
#define TB_LIVE_UPDATE_TYPE TB_STR("sync_update")
enum tb_err tb_live_json_store_update(struct tb_arena *arena,
				      const struct tb_live_update *update,
				      struct tb_str *ret_sent,
				      struct tb_str *ret_payload) tb_must_check;

#endif
