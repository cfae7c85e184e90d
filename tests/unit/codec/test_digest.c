#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "codec/digest.h"

static int set_up(void **state)
{
	(void)state;
	return tb_digest_init() == TB_OK && tb_digest_init() == TB_OK ? 0 : -1;
}

static void assert_hex(const uint8_t *bytes, size_t n, const char *expected)
{
	struct tb_buf buf;

	tb_buf_init(&buf, 1000);
	tb_hex_put(&buf, tb_str((const char *)bytes, n));
	assert_int_equal(buf.n, strlen(expected));
	assert_memory_equal(buf.p, expected, buf.n);
	tb_buf_fini(&buf);
}

/* FIPS 180-4, the examples of SHA-256. */
static void sha256_gives_the_published_values(void **state)
{
	struct tb_str parts[] = { TB_STR("a"), TB_STR_NONE, TB_STR("bc") };
	uint8_t out[TB_SHA256_BYTES];

	(void)state;
	tb_sha256(TB_STR("abc"), out);
	assert_hex(out, sizeof(out),
		   "ba7816bf8f01cfea414140de5dae2223"
		   "b00361a396177a9cb410ff61f20015ad");
	tb_sha256_parts(parts, TB_ARRAY_LEN(parts), out);
	assert_hex(out, sizeof(out),
		   "ba7816bf8f01cfea414140de5dae2223"
		   "b00361a396177a9cb410ff61f20015ad");
	tb_sha256(TB_STR_NONE, out);
	assert_hex(out, sizeof(out),
		   "e3b0c44298fc1c149afbf4c8996fb924"
		   "27ae41e4649b934ca495991b7852b855");
}

/* FIPS 180-1, the examples; RFC 6455, section 1.3, the one of a handshake. */
static void sha1_gives_the_published_values(void **state)
{
	uint8_t out[TB_SHA1_BYTES];

	(void)state;
	tb_sha1(TB_STR("abc"), out);
	assert_hex(out, sizeof(out),
		   "a9993e364706816aba3e25717850c26c9cd0d89d");
	tb_sha1(TB_STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnop"
		       "q"),
		out);
	assert_hex(out, sizeof(out),
		   "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
	tb_sha1(TB_STR_NONE, out);
	assert_hex(out, sizeof(out),
		   "da39a3ee5e6b4b0d3255bfef95601890afd80709");
	tb_sha1(TB_STR("dGhlIHNhbXBsZSBub25jZQ=="
		       "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"),
		out);
	assert_hex(out, sizeof(out),
		   "b37a4f2cc0624f1690f64606cf385945b2bec4ea");
}

/* The paper on SipHash, appendix A. */
static void siphash_gives_the_published_value(void **state)
{
	const uint64_t key[] = { 0x0706050403020100u, 0x0f0e0d0c0b0a0908u };
	struct tb_str in = TB_STR("\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16");

	(void)state;
	assert_true(tb_siphash(key, in) == 0xa129ca6149be45e5u);
	in.n--;
	assert_false(tb_siphash(key, in) == 0xa129ca6149be45e5u);
}

/* RFC 4231, test cases 2 and 6: a short key, and one longer than a block. */
static void hmac_gives_the_published_values(void **state)
{
	uint8_t out[TB_SHA256_BYTES];
	char key[131];

	(void)state;
	tb_hmac_sha256(TB_STR("Jefe"), TB_STR("what do ya want for nothing?"),
		       out);
	assert_hex(out, sizeof(out),
		   "5bdcc146bf60754e6a042426089575c7"
		   "5a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	tb_hmac_sha256(tb_str(key, sizeof(key)),
		       TB_STR("Test Using Larger Than Block-Size Key - "
			      "Hash Key First"),
		       out);
	assert_hex(out, sizeof(out),
		   "60e431591ee0b67f0d8a26aacbf5b77f"
		   "8e0bc6213728c5140546040f0ee37f54");
}

static void digests_compare_whole(void **state)
{
	(void)state;
	assert_true(tb_digest_equal("abc", "abc", 3));
	assert_false(tb_digest_equal("abc", "abd", 3));
	assert_true(tb_digest_equal("abc", "abd", 2));
	assert_true(tb_digest_equal("a", "b", 0));
}

static void hex_is_read_in_either_case_and_exact_length(void **state)
{
	static const char *const bad[] = { "",        "00f",    "00fF1",
					   "00fF1g",  "00fF 1", "00fF1000",
					   "00fF1a0", "0x00fF", "00fF1\xb0" };
	uint8_t out[3] = { 9, 9, 9 };

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++) {
		assert_int_equal(tb_hex_parse(tb_str_z(bad[i]), out, 3),
				 TB_ERR_INVALID);
		assert_memory_equal(out, "\x09\x09\x09", 3);
	}
	assert_int_equal(tb_hex_parse(TB_STR("00fF1a"), out, 3), TB_OK);
	assert_memory_equal(out, "\x00\xff\x1a", 3);
	assert_int_equal(tb_hex_parse(TB_STR_NONE, out, 0), TB_OK);
}

/* RFC 4648, section 10. */
static const struct {
	const char *bytes;
	const char *text;
} base64_vectors[] = {
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
	{ "\xfb\xef\xff", "++//" },
};

static void base64_gives_the_published_values(void **state)
{
	struct tb_buf buf;

	(void)state;
	tb_buf_init(&buf, 100);
	for (size_t i = 0; i < TB_ARRAY_LEN(base64_vectors); i++) {
		struct tb_str text = tb_str_z(base64_vectors[i].text);
		struct tb_str bytes = tb_str_z(base64_vectors[i].bytes);
		tb_buf_reset(&buf);
		tb_base64_put(&buf, bytes);
		assert_true(tb_str_eq(tb_buf_str(&buf), text));
		tb_buf_reset(&buf);
		assert_int_equal(tb_base64_parse(text, &buf), TB_OK);
		assert_true(tb_str_eq(tb_buf_str(&buf), bytes));
	}
	tb_buf_fini(&buf);
}

static void base64_refuses_what_is_not_exact(void **state)
{
	static const char *const bad[] = {
		"Z",      "Zg",     "Zg=",      "Zg===",    "=",     "====",
		"Z===",   "Zh==",   "Zm9=",     "Zm8",      " Zg==", "Zg== ",
		"Zg==\n", "Zm\n9v", "Zm9v====", "Zg==Zg==", "Zm-_",  "Zm9\xff",
		"Z=g=",   "=Zg=",   "Zm9vY=g=", "Zm9v=m9v",
	};
	struct tb_buf buf;

	(void)state;
	tb_buf_init(&buf, 100);
	tb_buf_append_char(&buf, '>');
	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++) {
		assert_int_equal(tb_base64_parse(tb_str_z(bad[i]), &buf),
				 TB_ERR_INVALID);
		assert_int_equal(buf.n, 1);
	}
	assert_int_equal(tb_base64_parse(TB_STR("Zm\0v"), &buf),
			 TB_ERR_INVALID);
	tb_buf_fini(&buf);
}

static void base64_goes_there_and_back_at_every_length(void **state)
{
	struct tb_buf text;
	struct tb_buf back;
	char bytes[1600];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 167 + i / 256);
	tb_buf_init(&text, sizeof(bytes) * 2);
	tb_buf_init(&back, sizeof(bytes));
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		tb_buf_reset(&text);
		tb_buf_reset(&back);
		tb_base64_put(&text, tb_str(bytes, n));
		assert_int_equal(text.n, (n + 2) / 3 * 4);
		assert_int_equal(tb_base64_parse(tb_buf_str(&text), &back),
				 TB_OK);
		assert_true(tb_str_eq(tb_buf_str(&back), tb_str(bytes, n)));
	}
	tb_buf_fini(&text);
	tb_buf_fini(&back);
}

static void base64_may_fill_a_buffer_to_its_ceiling(void **state)
{
	struct tb_buf buf;

	(void)state;
	tb_buf_init(&buf, 4);
	assert_int_equal(tb_base64_parse(TB_STR("Zm9vYg=="), &buf), TB_OK);
	tb_buf_reset(&buf);
	assert_int_equal(tb_base64_parse(TB_STR("Zm9vYmE="), &buf),
			 TB_ERR_TOO_LARGE);
	tb_buf_reset(&buf);
	tb_base64_put(&buf, TB_STR("foo"));
	assert_int_equal(tb_buf_err(&buf), TB_OK);
	tb_base64_put(&buf, TB_STR("f"));
	assert_int_equal(tb_buf_err(&buf), TB_ERR_TOO_LARGE);
	tb_buf_fini(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_gives_the_published_values),
		cmocka_unit_test(sha1_gives_the_published_values),
		cmocka_unit_test(siphash_gives_the_published_value),
		cmocka_unit_test(hmac_gives_the_published_values),
		cmocka_unit_test(digests_compare_whole),
		cmocka_unit_test(hex_is_read_in_either_case_and_exact_length),
		cmocka_unit_test(base64_gives_the_published_values),
		cmocka_unit_test(base64_refuses_what_is_not_exact),
		cmocka_unit_test(base64_goes_there_and_back_at_every_length),
		cmocka_unit_test(base64_may_fill_a_buffer_to_its_ceiling),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
