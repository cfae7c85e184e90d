/*
 * Zone files: good ones of each version, broken ones of each kind, and names
 * that lead nowhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/assert.h"
#include "jobs/schedule/zone.h"
#include "tzif.h"

#define HOUR 3600

static const struct tzif_time times[] = { { 1000000, 1 }, { 2000000, 0 } };
static const struct tzif_type types[] = {
	{ 2 * HOUR, 0, 0 },
	{ 3 * HOUR, 1, 4 },
};
static const struct tzif good = {
	.version = '2',
	.times = times,
	.n_times = TB_ARRAY_LEN(times),
	.types = types,
	.n_types = TB_ARRAY_LEN(types),
	.footer = "\n\n",
};

static enum tb_err parse(const struct tzif *file, struct tb_zone **ret)
{
	struct tb_buf buf;
	enum tb_err err;

	tb_buf_init(&buf, TZIF_MAX_BYTES);
	tzif_put(&buf, file);
	assert_int_equal(tb_buf_err(&buf), TB_OK);
	err = tb_zone_parse(buf.p, buf.n, ret);
	tb_buf_fini(&buf);
	return err;
}

static struct tb_zone *parse_good(const struct tzif *file)
{
	struct tb_zone *zone = NULL;

	assert_int_equal(parse(file, &zone), TB_OK);
	return zone;
}

static void assert_bad(const struct tzif *file, enum tb_err expected)
{
	struct tb_zone *zone = NULL;

	assert_int_equal(parse(file, &zone), expected);
	assert_null(zone);
}

static void assert_offset(const struct tb_zone *zone, int64_t utc_s,
			  int64_t offset_s, int64_t until_s)
{
	int64_t until;

	assert_int_equal(tb_zone_offset(zone, utc_s, &until), offset_s);
	assert_int_equal(until, until_s);
	assert_int_equal(tb_zone_local(zone, utc_s), utc_s + offset_s);
}

static void clocks_are_changed_at_the_times_of_the_table(void **state)
{
	struct tb_zone *zone = parse_good(&good);

	(void)state;
	assert_offset(zone, -5000000000, 2 * HOUR, 1000000);
	assert_offset(zone, 999999, 2 * HOUR, 1000000);
	assert_offset(zone, 1000000, 3 * HOUR, 2000000);
	assert_offset(zone, 1999999, 3 * HOUR, 2000000);
	assert_offset(zone, 2000000, 2 * HOUR, INT64_MAX);
	assert_offset(zone, 5000000000, 2 * HOUR, INT64_MAX);
	tb_zone_destroy(zone);
}

static void local_times_are_the_first_or_the_end_of_the_gap(void **state)
{
	struct tb_zone *zone = parse_good(&good);
	/* What the clocks show when they are put forward, and back. */
	const int64_t forward = 1000000 + 2 * HOUR;
	const int64_t back = 2000000 + 3 * HOUR;

	(void)state;
	assert_int_equal(tb_zone_utc(zone, forward - 1), 999999);
	assert_int_equal(tb_zone_utc(zone, forward), 1000000);
	assert_int_equal(tb_zone_utc(zone, forward + 1), 1000000);
	assert_int_equal(tb_zone_utc(zone, forward + HOUR - 1), 1000000);
	assert_int_equal(tb_zone_utc(zone, forward + HOUR), 1000000);
	assert_int_equal(tb_zone_utc(zone, forward + HOUR + 1), 1000001);
	assert_int_equal(tb_zone_utc(zone, back - HOUR), 2000000 - HOUR);
	assert_int_equal(tb_zone_utc(zone, back - 1), 1999999);
	assert_int_equal(tb_zone_utc(zone, back), 2000000 + HOUR);
	tb_zone_destroy(zone);
}

static void each_version_is_read(void **state)
{
	static const char versions[] = { '2', '3', '4', '5' };
	struct tzif file = good;

	(void)state;
	for (size_t i = 0; i < sizeof(versions); i++) {
		struct tb_zone *zone;

		file.version = versions[i];
		file.footer = "\nABC-5\n";
		zone = parse_good(&file);
		assert_offset(zone, 1500000, 3 * HOUR, 2000000);
		assert_offset(zone, 2000000, 5 * HOUR, INT64_MAX);
		tb_zone_destroy(zone);
	}
}

static void a_file_of_version_1_has_times_of_32_bits_and_no_rule(void **state)
{
	static const struct tzif_time early[] = { { -2000000000, 1 },
						  { 2000000, 0 } };
	struct tzif file = good;
	struct tb_zone *zone;

	(void)state;
	file.version = '\0';
	file.times = early;
	file.footer = NULL;
	zone = parse_good(&file);
	assert_offset(zone, -2000000001, 2 * HOUR, -2000000000);
	assert_offset(zone, -2000000000, 3 * HOUR, 2000000);
	assert_offset(zone, 2000000, 2 * HOUR, INT64_MAX);
	tb_zone_destroy(zone);
}

static void a_file_without_times_has_its_rule_or_its_first_type(void **state)
{
	struct tzif file = good;
	struct tb_zone *zone;

	(void)state;
	file.n_times = 0;
	zone = parse_good(&file);
	assert_offset(zone, 0, 2 * HOUR, INT64_MAX);
	tb_zone_destroy(zone);
	file.footer = "\n<-03>3\n";
	zone = parse_good(&file);
	assert_offset(zone, 0, -3 * HOUR, INT64_MAX);
	tb_zone_destroy(zone);
}

static void what_comes_behind_the_footer_is_not_read(void **state)
{
	struct tzif file = good;

	(void)state;
	file.footer = "\nABC-5\nmore";
	tb_zone_destroy(parse_good(&file));
}

static void files_that_contradict_themselves_are_corrupt(void **state)
{
	static const struct tzif_time again[] = { { 1000000, 1 },
						  { 1000000, 0 } };
	static const struct tzif_time back[] = { { 1000000, 1 }, { 999, 0 } };
	static const struct tzif_time foreign[] = { { 1000000, 1 },
						    { 2000000, 2 } };
	static const struct tzif_time *const bad_times[] = { again, back,
							     foreign };
	static const struct tzif_type bad_types[][2] = {
		{ { 2 * HOUR, 0, 0 }, { 26 * HOUR, 1, 4 } },
		{ { 2 * HOUR, 0, 0 }, { -26 * HOUR, 1, 4 } },
		{ { INT32_MIN, 0, 0 }, { 3 * HOUR, 1, 4 } },
		{ { 2 * HOUR, 2, 0 }, { 3 * HOUR, 1, 4 } },
		{ { 2 * HOUR, 0, 0 }, { 3 * HOUR, 1, 8 } },
	};
	struct tzif file = good;

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(bad_times); i++) {
		file.times = bad_times[i];
		assert_bad(&file, TB_ERR_CORRUPT);
	}
	file = good;
	for (size_t i = 0; i < TB_ARRAY_LEN(bad_types); i++) {
		file.types = bad_types[i];
		assert_bad(&file, TB_ERR_CORRUPT);
	}
	file = good;
	file.n_types = 0;
	file.n_times = 0;
	assert_bad(&file, TB_ERR_CORRUPT);
	file = good;
	file.n_ut = 1;
	assert_bad(&file, TB_ERR_CORRUPT);
	file = good;
	file.n_standard = 1;
	assert_bad(&file, TB_ERR_CORRUPT);
	file = good;
	file.version = '1';
	assert_bad(&file, TB_ERR_CORRUPT);
	file.version = 1;
	assert_bad(&file, TB_ERR_CORRUPT);
	/* Indicators of all types are good. */
	file = good;
	file.n_ut = file.n_standard = file.n_types;
	tb_zone_destroy(parse_good(&file));
}

static void both_headers_are_of_one_kind(void **state)
{
	struct tb_zone *zone = NULL;
	struct tb_buf buf;
	char *second;

	(void)state;
	tb_buf_init(&buf, TZIF_MAX_BYTES);
	tzif_put(&buf, &good);
	second = memmem(buf.p + 1, buf.n - 1, "TZif2", 5);
	assert_non_null(second);
	second[4] = '3';
	assert_int_equal(tb_zone_parse(buf.p, buf.n, &zone), TB_ERR_CORRUPT);
	second[4] = '2';
	second[3] = 'F';
	assert_int_equal(tb_zone_parse(buf.p, buf.n, &zone), TB_ERR_CORRUPT);
	assert_null(zone);
	tb_buf_fini(&buf);
}

static void footers_that_are_none_are_corrupt(void **state)
{
	static const char *const footers[] = {
		"",        "\n",    "x\n\n",        "\nABC-5",
		"\nABC\n", "\n \n", "\nABC-5DEF\n",
	};
	struct tzif file = good;

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(footers); i++) {
		file.footer = footers[i];
		assert_bad(&file, TB_ERR_CORRUPT);
	}
}

static void leap_seconds_are_not_for_us(void **state)
{
	struct tzif file = good;

	(void)state;
	file.n_leaps = 2;
	assert_bad(&file, TB_ERR_UNSUPPORTED);
}

/* A file of the database. */
static struct tb_buf read_database(const char *name)
{
	struct tb_buf buf;
	char path[256];
	FILE *file;

	(void)snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
	file = fopen(path, "re");
	assert_non_null(file);
	tb_buf_init(&buf, TZIF_MAX_BYTES);
	assert_non_null(tb_buf_reserve(&buf, TZIF_MAX_BYTES));
	buf.n = fread(buf.p, 1, TZIF_MAX_BYTES, file);
	fclose(file);
	assert_true(buf.n > 100 && buf.n < TZIF_MAX_BYTES);
	return buf;
}

static const char *const databases[] = { "Europe/Berlin", "Africa/Casablanca",
					 "Asia/Kathmandu", "Etc/GMT+5" };

/* In memory of its own size, so that reading beyond it is seen. */
static enum tb_err parse_copy(const char *p, size_t n, struct tb_zone **ret)
{
	char *copy = malloc(n > 0 ? n : 1);
	enum tb_err err;

	assert_non_null(copy);
	memcpy(copy, p, n);
	err = tb_zone_parse(copy, n, ret);
	free(copy);
	return err;
}

static void files_that_are_cut_short_are_corrupt(void **state)
{
	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(databases); i++) {
		struct tb_buf buf = read_database(databases[i]);
		struct tb_zone *zone = NULL;

		for (size_t n = 0; n < buf.n; n++)
			if (parse_copy(buf.p, n, &zone) != TB_ERR_CORRUPT)
				fail_msg("%s, %zu bytes", databases[i], n);
		assert_null(zone);
		assert_int_equal(parse_copy(buf.p, buf.n, &zone), TB_OK);
		tb_zone_destroy(zone);
		tb_buf_fini(&buf);
	}
}

/* A bit is not always missed; but then times are still found. */
static void use(const struct tb_zone *zone)
{
	for (int64_t at = -4000000000; at <= 8000000000; at += 999999999) {
		int64_t local = tb_zone_local(zone, at);

		assert_true(local > at - 26 * HOUR && local < at + 26 * HOUR);
		assert_true(tb_zone_utc(zone, local) <= at);
		assert_true(tb_zone_local(zone, tb_zone_utc(zone, local)) >=
			    local);
	}
}

static void turned_bits_do_no_harm(void **state)
{
	size_t n_corrupt = 0;

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(databases); i++) {
		struct tb_buf buf = read_database(databases[i]);

		for (size_t bit = 0; bit < 8 * buf.n; bit++) {
			struct tb_zone *zone = NULL;
			enum tb_err err;

			buf.p[bit / 8] ^= (char)(1 << bit % 8);
			err = parse_copy(buf.p, buf.n, &zone);
			buf.p[bit / 8] ^= (char)(1 << bit % 8);
			if (err == TB_OK)
				use(zone);
			else
				assert_true(err == TB_ERR_CORRUPT ||
					    err == TB_ERR_UNSUPPORTED);
			n_corrupt += err != TB_OK;
			tb_zone_destroy(zone);
		}
		tb_buf_fini(&buf);
	}
	assert_true(n_corrupt > 1000);
}

static void assert_load(struct tb_str name, enum tb_err expected)
{
	struct tb_zone *zone = NULL;
	enum tb_err err = tb_zone_load(name, &zone);

	if (err != expected)
		fail_msg("%.*s: %s", TB_STR_ARG(name), tb_err_name(err));
	assert_true((zone != NULL) == (expected == TB_OK));
	tb_zone_destroy(zone);
}

static void names_of_the_database_are_found_and_others_are_not(void **state)
{
	static const char *const found[] = {
		"UTC",
		"GMT",
		"Etc/UTC",
		"Etc/GMT+12",
		"Europe/Berlin",
		"America/Argentina/ComodRivadavia",
		"America/Port-au-Prince",
		"US/Eastern",
	};
	static const char *const missing[] = {
		"",
		"/",
		"Europe",
		"Europe/",
		"Europe/berlin",
		"Europe//Berlin",
		"/Europe/Berlin",
		"/usr/share/zoneinfo/Europe/Berlin",
		"Europe/Berlin/",
		"Europe/Berlin/x",
		"Europe/Berlin ",
		" Europe/Berlin",
		"Europe/../Europe/Berlin",
		"../zoneinfo/Europe/Berlin",
		"./Europe/Berlin",
		"..",
		".",
		"zone.tab",
		"iso3166.tab",
		"Europe/K\xc3\xb6ln",
		"Europe\\Berlin",
		"CET-1CEST",
		":Europe/Berlin",
	};

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(found); i++)
		assert_load(tb_str_z(found[i]), TB_OK);
	for (size_t i = 0; i < TB_ARRAY_LEN(missing); i++)
		assert_load(tb_str_z(missing[i]), TB_ERR_NOT_FOUND);
	assert_load(TB_STR("Europe/Berlin\0"), TB_ERR_NOT_FOUND);
	assert_load(TB_STR("Europe\0/Berlin"), TB_ERR_NOT_FOUND);
	assert_load(TB_STR("UTC\0"), TB_ERR_NOT_FOUND);
	assert_load(TB_STR_NONE, TB_ERR_NOT_FOUND);
}

/* ---- a folder of our own ---- */

static char folder[] = "/tmp/tb_zones_XXXXXX";

static void path_of(char path[256], const char *name)
{
	(void)snprintf(path, 256, "%s/%s", folder, name);
}

static void write_file(const char *name, const char *p, size_t n)
{
	char path[256];
	FILE *file;

	path_of(path, name);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(p, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
}

static void remove_file(const char *name)
{
	char path[256];

	path_of(path, name);
	(void)remove(path);
}

#define NAME_OF_64                                                             \
	"a234567890123456789012345678901234567890123456789012345678901234"

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) && setenv("TZDIR", folder, 1) == 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
	static const char *const names[] = { "Zone", "Text",     "Empty",
					     "Pipe", "Large",    "Other",
					     "Link", NAME_OF_64, NAME_OF_64 "5",
					     "Dir" };

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(names); i++)
		remove_file(names[i]);
	return unsetenv("TZDIR") || rmdir(folder) ? -1 : 0;
}

static void put_zone_file(const char *name)
{
	struct tb_buf buf;

	tb_buf_init(&buf, TZIF_MAX_BYTES);
	tzif_put(&buf, &good);
	write_file(name, buf.p, buf.n);
	tb_buf_fini(&buf);
}

static void zones_come_from_the_folder_that_is_named(void **state)
{
	struct tb_zone *zone = NULL;

	(void)state;
	put_zone_file("Zone");
	assert_int_equal(tb_zone_load(TB_STR("Zone"), &zone), TB_OK);
	assert_offset(zone, 1500000, 3 * HOUR, 2000000);
	tb_zone_destroy(zone);
	assert_load(TB_STR("Europe/Berlin"), TB_ERR_NOT_FOUND);
	/* It needs no file. */
	assert_load(TB_STR("UTC"), TB_OK);
}

static void names_have_a_limit(void **state)
{
	(void)state;
	put_zone_file(NAME_OF_64);
	put_zone_file(NAME_OF_64 "5");
	assert_load(TB_STR(NAME_OF_64), TB_OK);
	assert_load(TB_STR(NAME_OF_64 "5"), TB_ERR_NOT_FOUND);
}

static void what_is_no_zone_file_is_told(void **state)
{
	static char large[300 << 10];
	char path[256];
	char other[256];

	(void)state;
	write_file("Text", "no zone", 7);
	assert_load(TB_STR("Text"), TB_ERR_CORRUPT);
	write_file("Empty", "", 0);
	assert_load(TB_STR("Empty"), TB_ERR_CORRUPT);
	memcpy(large, "TZif", 4);
	write_file("Large", large, sizeof(large));
	assert_load(TB_STR("Large"), TB_ERR_CORRUPT);
	path_of(path, "Dir");
	assert_int_equal(mkdir(path, 0700), 0);
	assert_load(TB_STR("Dir"), TB_ERR_NOT_FOUND);
	/* Nobody waits for its other end. */
	path_of(path, "Pipe");
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_load(TB_STR("Pipe"), TB_ERR_NOT_FOUND);
	path_of(other, "Link");
	put_zone_file("Zone");
	assert_int_equal(symlink("Zone", other), 0);
	assert_load(TB_STR("Link"), TB_OK);
}

static void a_folder_with_too_long_a_name_has_no_zones(void **state)
{
	static char long_name[5000];

	(void)state;
	memset(long_name, 'x', sizeof(long_name) - 1);
	assert_int_equal(setenv("TZDIR", long_name, 1), 0);
	assert_load(TB_STR("Europe/Berlin"), TB_ERR_NOT_FOUND);
	/* An empty one is as good as none. */
	assert_int_equal(setenv("TZDIR", "", 1), 0);
	assert_load(TB_STR("Europe/Berlin"), TB_OK);
	assert_int_equal(setenv("TZDIR", folder, 1), 0);
}

int main(void)
{
	const struct CMUnitTest of_files[] = {
		cmocka_unit_test(clocks_are_changed_at_the_times_of_the_table),
		cmocka_unit_test(
			local_times_are_the_first_or_the_end_of_the_gap),
		cmocka_unit_test(each_version_is_read),
		cmocka_unit_test(
			a_file_of_version_1_has_times_of_32_bits_and_no_rule),
		cmocka_unit_test(
			a_file_without_times_has_its_rule_or_its_first_type),
		cmocka_unit_test(what_comes_behind_the_footer_is_not_read),
		cmocka_unit_test(files_that_contradict_themselves_are_corrupt),
		cmocka_unit_test(both_headers_are_of_one_kind),
		cmocka_unit_test(footers_that_are_none_are_corrupt),
		cmocka_unit_test(leap_seconds_are_not_for_us),
		cmocka_unit_test(files_that_are_cut_short_are_corrupt),
		cmocka_unit_test(turned_bits_do_no_harm),
		cmocka_unit_test(
			names_of_the_database_are_found_and_others_are_not),
	};
	const struct CMUnitTest of_folders[] = {
		cmocka_unit_test(zones_come_from_the_folder_that_is_named),
		cmocka_unit_test(names_have_a_limit),
		cmocka_unit_test(what_is_no_zone_file_is_told),
		cmocka_unit_test(a_folder_with_too_long_a_name_has_no_zones),
	};
	int failed = cmocka_run_group_tests(of_files, NULL, NULL);

	return failed +
	       cmocka_run_group_tests(of_folders, make_folder, remove_folder);
}
