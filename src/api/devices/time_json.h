/*
 * Times as the devices API writes them.
 */
#ifndef TB_API_DEVICES_TIME_JSON_H
#define TB_API_DEVICES_TIME_JSON_H

#include "codec/json.h"

/* A string with all six fractional digits. */
void tb_devices_kv_time(struct tb_json_writer *w, const char *key, int64_t us);

#endif
