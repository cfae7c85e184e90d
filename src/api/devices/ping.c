/*
 * GET ping: says that the server is there.
 */
#include "api/devices/handlers.h"
#include "api/devices/time_json.h"

#define ANSWER_MAX_BYTES 256

bool tb_devices_get_ping(void *state, const struct tb_request *req,
			 struct tb_response *res)
{
	struct tb_json_writer w;
	struct tb_buf body;

	(void)state;
	tb_buf_init(&body, ANSWER_MAX_BYTES);
	w = tb_json_writer(&body);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "message", TB_STR("pong"));
	tb_devices_kv_time(&w, "server_time", req->now_us);
	tb_json_end_object(&w);
	tb_response_written(res, req, 200, TB_JSON_TYPE, &body);
	return true;
}
