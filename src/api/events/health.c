/*
 * How the server is: GET health, from memory.
 */
#include "api/events/errors.h"
#include "api/events/handlers.h"
#include "api/events/state.h"
#include "codec/json.h"
#include "codec/time.h"

#define US_PER_S 1000000
#define ANSWER_MAX_BYTES 512
#define TIME_MAX_BYTES 40

/* Whole seconds; none when the clock was set back behind the start. */
static uint64_t uptime_s(const struct tb_events *events, int64_t now_us)
{
	int64_t us = now_us - events->started_us;

	return us > 0 ? (uint64_t)(us / US_PER_S) : 0;
}

static void put_health(struct tb_buf *buf, bool is_healthy, int64_t now_us,
		       uint64_t up_s)
{
	struct tb_json_writer w = tb_json_writer(buf);
	char digits[TIME_MAX_BYTES];
	struct tb_buf time;

	tb_buf_init_fixed(&time, digits, sizeof(digits));
	tb_time_put_seconds(&time, now_us);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "status",
		       tb_str_z(is_healthy ? "healthy" : "unhealthy"));
	tb_json_kv_str(&w, "timestamp", tb_buf_str(&time));
	tb_json_kv_str(&w, "version", TB_STR(TB_VERSION));
	tb_json_kv_uint(&w, "uptime", up_s);
	tb_json_end_object(&w);
}

bool tb_events_get_health(void *state, const struct tb_request *req,
			  struct tb_response *res)
{
	const struct tb_events *events = state;
	bool is_healthy = tb_core_is_writable(events->core);
	struct tb_buf body;

	tb_buf_init(&body, ANSWER_MAX_BYTES);
	put_health(&body, is_healthy, req->now_us,
		   uptime_s(events, req->now_us));
	tb_response_written(res, req, is_healthy ? 200 : 503, TB_JSON_UTF8_TYPE,
			    &body);
	return true;
}
