/*
 * /socket.io/: handed to the hub, which always answers.
 */
#include "api/devices/handlers.h"
#include "api/devices/realtime.h"

bool tb_devices_get_socket(void *state, const struct tb_request *req,
			   struct tb_response *res)
{
	struct tb_devices *devices = state;

	return tb_hub_get(tb_realtime_hub(devices->realtime), req, res);
}

bool tb_devices_post_socket(void *state, const struct tb_request *req,
			    struct tb_response *res)
{
	struct tb_devices *devices = state;

	return tb_hub_post(tb_realtime_hub(devices->realtime), req, res);
}
