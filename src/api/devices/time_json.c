#include "api/devices/time_json.h"

#include "base/assert.h"
#include "codec/time.h"

#define TIME_MAX_BYTES 48

void tb_devices_kv_time(struct tb_json_writer *w, const char *key, int64_t us)
{
	char text[TIME_MAX_BYTES];
	struct tb_buf buf;

	tb_buf_init_fixed(&buf, text, sizeof(text));
	tb_time_put_micros(&buf, us);
	TB_ASSERT(!tb_buf_err(&buf));
	tb_json_kv_str(w, key, tb_buf_str(&buf));
}
