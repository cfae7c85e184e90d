#include "app/seal.h"

#include "codec/digest.h"
#include "codec/json.h"
#include "kernel/system.h"

#define MESSAGE "audit head"
#define TEXT_MAX_BYTES 512
#define HEX_BYTES (2 * TB_SHA256_BYTES)

const char *tb_seal_org_name(const struct tb_org *org)
{
	return org->id == TB_ORG_SYSTEM ? "(system)" : org->name;
}

/* What the MAC is of: "NAME ROW HASH". */
static enum tb_err make_mac(struct tb_keys *keys, const struct tb_seal *seal,
			    uint8_t ret[TB_SHA256_BYTES])
{
	struct tb_buf text;
	enum tb_err err;

	tb_buf_init(&text, TEXT_MAX_BYTES);
	tb_buf_append_str(&text, seal->org);
	tb_buf_append_char(&text, ' ');
	tb_buf_append_u64(&text, seal->row);
	tb_buf_append_char(&text, ' ');
	tb_hex_put(&text, tb_str((const char *)seal->hash, sizeof(seal->hash)));
	err = tb_buf_err(&text);
	if (!err)
		tb_keys_seal(keys, tb_buf_str(&text), ret);
	tb_buf_fini(&text);
	return err;
}

static void put_hex(struct tb_buf *buf, const uint8_t *bytes, char *text)
{
	tb_buf_init_fixed(buf, text, HEX_BYTES);
	tb_hex_put(buf, tb_str((const char *)bytes, TB_SHA256_BYTES));
}

void tb_seal_log(struct tb_log *log, struct tb_keys *keys,
		 const struct tb_org *org)
{
	struct tb_seal seal = {
		.org = tb_str_z(tb_seal_org_name(org)),
		.row = org->audit_n,
	};
	char hash_text[HEX_BYTES];
	char mac_text[HEX_BYTES];
	struct tb_buf hash;
	struct tb_buf mac;

	memcpy(seal.hash, org->audit_hash, sizeof(seal.hash));
	/* Without memory there is no seal now; the next one covers more. */
	if (make_mac(keys, &seal, seal.mac))
		return;
	put_hex(&hash, seal.hash, hash_text);
	put_hex(&mac, seal.mac, mac_text);
	tb_log_event(log, TB_LOG_INFO, tb_log_now_us(), MESSAGE,
		     (struct tb_log_field[]) {
			     { "org", seal.org, 0 },
			     { "row", TB_STR_NONE, (int64_t)seal.row },
			     { "hash", tb_buf_str(&hash), 0 },
			     { "seal", tb_buf_str(&mac), 0 },
		     },
		     4);
}

static enum tb_err take_hex(struct tb_arena *arena, struct tb_json_value line,
			    const char *name, uint8_t ret[TB_SHA256_BYTES])
{
	struct tb_str hex;
	enum tb_err err =
		tb_json_string(arena, tb_json_get(line, tb_str_z(name)), &hex);

	return err ? err : tb_hex_parse(hex, ret, TB_SHA256_BYTES);
}

enum tb_err tb_seal_parse(struct tb_arena *arena, struct tb_str line,
			  struct tb_seal *ret)
{
	static const char message[] = "\"message\":\"" MESSAGE "\"";
	struct tb_json json;
	struct tb_json_value root;
	struct tb_seal seal;
	enum tb_err err;

	if (line.n == 0 ||
	    !memmem(line.p, line.n, message, sizeof(message) - 1))
		return TB_ERR_NOT_FOUND;
	err = tb_json_parse(arena, line, NULL, &json, NULL);
	if (err)
		return err == TB_ERR_NOMEM ? err : TB_ERR_INVALID;
	root = tb_json_root(&json);
	err = tb_json_string(arena, tb_json_get(root, TB_STR("org")),
			     &seal.org);
	if (!err)
		err = tb_json_u64(tb_json_get(root, TB_STR("row")), &seal.row);
	if (!err)
		err = take_hex(arena, root, "hash", seal.hash);
	if (!err)
		err = take_hex(arena, root, "seal", seal.mac);
	if (!err)
		*ret = seal;
	return err;
}

enum tb_err tb_seal_check(struct tb_keys *keys, const struct tb_seal *seal,
			  bool *ret)
{
	uint8_t mac[TB_SHA256_BYTES];
	enum tb_err err = make_mac(keys, seal, mac);

	if (!err)
		*ret = tb_digest_equal(mac, seal->mac, sizeof(mac));
	return err;
}
