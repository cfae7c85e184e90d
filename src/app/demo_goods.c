#include "app/demo_goods.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"

#define VALUE_MAX_BYTES 512
/* 2022-07-01T00:00:00Z, and two years. */
#define FIRST_CHANGE_S 1656633600
#define CHANGES_S (2 * 365 * 86400)
#define US_PER_S 1000000ll
/* Every third product is in the one, the last tenth in the other. */
#define SUMMER_FIRST 2
#define SUMMER_STEP 3
#define NEW_PART 10

const char *const tb_goods_names[] = {
	[TB_GOODS_PRODUCTS] = "products",
	[TB_GOODS_CUSTOMERS] = "customers",
	[TB_GOODS_ORDERS] = "orders",
};

/* Ids are the numbers behind these; they do not fit in 32 bits. */
static const uint64_t id_bases[] = {
	[TB_GOODS_PRODUCTS] = 7000000000000,
	[TB_GOODS_CUSTOMERS] = 6000000000000,
	[TB_GOODS_ORDERS] = 5000000000000,
};

enum {
	SUMMER,
	NEW_ARRIVALS
};
const struct tb_goods_collection tb_goods_collections[] = {
	[SUMMER] = { 400000000001, "summer-collection", "Summer collection",
		     false },
	[NEW_ARRIVALS] = { 400000000002, "new-arrivals", "New arrivals", true },
};
const size_t tb_goods_collections_count = TB_ARRAY_LEN(tb_goods_collections);

/* How many there are of a kind. */
static uint64_t total(enum tb_goods_kind kind, uint64_t products)
{
	static const uint64_t parts[] = {
		[TB_GOODS_PRODUCTS] = 1,
		[TB_GOODS_CUSTOMERS] = 4,
		[TB_GOODS_ORDERS] = 2,
	};

	return (products + parts[kind] - 1) / parts[kind];
}

/* When a record changed: evenly spread, in the order of numbers, in whole
 * seconds. */
static int64_t changed_us(uint64_t number, uint64_t n)
{
	return (FIRST_CHANGE_S + (int64_t)(CHANGES_S * (number - 1) / n)) *
	       US_PER_S;
}

struct tb_goods_run tb_goods_all(enum tb_goods_kind kind, uint64_t products)
{
	return (struct tb_goods_run) { 1, total(kind, products) + 1, 1 };
}

uint64_t tb_goods_count(const struct tb_goods_run *run)
{
	return run->next < run->end
		       ? (run->end - run->next + run->step - 1) / run->step
		       : 0;
}

void tb_goods_since(struct tb_goods_run *run, enum tb_goods_kind kind,
		    uint64_t products, int64_t since_us)
{
	uint64_t n = total(kind, products);
	uint64_t low = 0; /* so many of the run are left out at least */
	uint64_t high = tb_goods_count(run);
	uint64_t middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (changed_us(run->next + middle * run->step, n) < since_us)
			low = middle + 1;
		else
			high = middle;
	}
	run->next += low * run->step;
}

struct tb_goods_run tb_goods_in(uint64_t collection_id, uint64_t products)
{
	struct tb_goods_run run = tb_goods_all(TB_GOODS_PRODUCTS, products);

	if (collection_id == tb_goods_collections[SUMMER].id) {
		run.next = SUMMER_FIRST;
		run.step = SUMMER_STEP;
	} else if (collection_id == tb_goods_collections[NEW_ARRIVALS].id) {
		run.next = run.end - (products + NEW_PART - 1) / NEW_PART;
	} else {
		run.next = run.end;
	}
	return run;
}

/* ---- records ---- */

static const char *const colours[] = { "White", "Sand",  "Olive", "Navy",
				       "Coral", "Slate", "Crème" };
static const char *const goods[] = { "linen shirt", "straw hat", "sun dress",
				     "beach towel", "sandals",   "rain jacket",
				     "tote bag",    "cardigan",  "swim shorts",
				     "scarf",       "sunglasses" };
static const char *const names[] = { "Anna",  "Björn", "Chiara", "Dimitri",
				     "Edith", "Farid", "Grace" };

static const char *pick(const char *const *list, size_t n, uint64_t number)
{
	return list[number % n];
}
#define PICK(list, number) pick(list, TB_ARRAY_LEN(list), number)

/* The value of a member as printf makes it: a string's text, or JSON. */
#define KV_STR(w, key, ...) put_value(w, key, true, __VA_ARGS__)
#define KV_RAW(w, key, ...) put_value(w, key, false, __VA_ARGS__)
static void put_value(struct tb_json_writer *w, const char *key, bool is_text,
		      const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static void put_value(struct tb_json_writer *w, const char *key, bool is_text,
		      const char *fmt, ...)
{
	char text[VALUE_MAX_BYTES];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (is_text)
		tb_json_kv_str(w, key, tb_str_z(text));
	else
		tb_json_kv_raw(w, key, tb_str_z(text));
}

static unsigned long long id_of(enum tb_goods_kind kind, uint64_t number)
{
	return (unsigned long long)id_bases[kind] + number;
}

static void put_times(struct tb_json_writer *w, int64_t us)
{
	tb_json_kv_time(w, "created_at", FIRST_CHANGE_S * US_PER_S);
	tb_json_kv_time(w, "updated_at", us);
}

static unsigned cents(uint64_t number)
{
	return 500 + (unsigned)(number * 7919 % 20000);
}

static void put_product(struct tb_json_writer *w, uint64_t number)
{
	unsigned long long n = number;
	const char *colour = PICK(colours, number);
	const char *good = PICK(goods, number);

	KV_STR(w, "title", "%s %s %llu", colour, good, n);
	/* As that shop writes it: whoever keeps bytes keeps the escapes. */
	KV_RAW(w, "body_html",
	       "\"\\u003cp\\u003e%s \\u0026 light\\u003c/p\\u003e\"", good);
	KV_STR(w, "vendor", "Dune \\ %s", PICK(names, number));
	KV_STR(w, "handle", "item-%llu", n);
	KV_STR(w, "status", "%s", number % 20 == 0 ? "archived" : "active");
	KV_RAW(w, "variants",
	       "[{\"id\":%llu,\"product_id\":%llu,\"sku\":\"SKU-%06llu\","
	       "\"price\":\"%u.%02u\",\"weight\":%llu.250,"
	       "\"inventory_quantity\":%llu}]",
	       id_of(TB_GOODS_PRODUCTS, number) * 10,
	       id_of(TB_GOODS_PRODUCTS, number), n, cents(number) / 100,
	       cents(number) % 100, n % 3, n * 13 % 50);
	tb_json_kv_null(w, "image");
}

static void put_customer(struct tb_json_writer *w, uint64_t number)
{
	unsigned long long n = number;

	KV_STR(w, "first_name", "%s", PICK(names, number));
	KV_STR(w, "last_name", "No. %llu", n);
	KV_STR(w, "email", "customer-%llu@shop.example", n);
	KV_RAW(w, "orders_count", "%llu", n % 5);
	KV_STR(w, "total_spent", "%u.%02u", cents(number) / 50,
	       cents(number) % 100);
	tb_json_kv_bool(w, "verified_email", number % 3 != 0);
}

static void put_order(struct tb_json_writer *w, uint64_t number,
		      uint64_t products)
{
	unsigned long long n = number;
	uint64_t product = number % products + 1;
	uint64_t customer = number % total(TB_GOODS_CUSTOMERS, products) + 1;

	KV_STR(w, "name", "#%llu", 1000 + n);
	KV_STR(w, "currency", "EUR");
	KV_STR(w, "total_price", "%u.%02u", cents(product) / 100,
	       cents(product) % 100);
	KV_RAW(w, "customer", "{\"id\":%llu}",
	       id_of(TB_GOODS_CUSTOMERS, customer));
	KV_RAW(w, "line_items",
	       "[{\"id\":%llu,\"product_id\":%llu,\"quantity\":1}]",
	       id_of(TB_GOODS_ORDERS, number) * 10,
	       id_of(TB_GOODS_PRODUCTS, product));
}

void tb_goods_put(struct tb_json_writer *w, enum tb_goods_kind kind,
		  uint64_t number, uint64_t products)
{
	tb_json_begin_object(w);
	KV_RAW(w, "id", "%llu", id_of(kind, number));
	switch (kind) {
	case TB_GOODS_PRODUCTS:
		put_product(w, number);
		break;
	case TB_GOODS_CUSTOMERS:
		put_customer(w, number);
		break;
	case TB_GOODS_ORDERS:
		put_order(w, number, products);
		break;
	case TB_GOODS_KINDS:
		TB_UNREACHABLE();
	}
	put_times(w, changed_us(number, total(kind, products)));
	tb_json_end_object(w);
}

void tb_goods_put_collection(struct tb_json_writer *w,
			     const struct tb_goods_collection *collection)
{
	tb_json_begin_object(w);
	tb_json_kv_uint(w, "id", collection->id);
	tb_json_kv_str(w, "handle", tb_str_z(collection->handle));
	tb_json_kv_str(w, "title", tb_str_z(collection->title));
	put_times(w, FIRST_CHANGE_S * US_PER_S);
	tb_json_end_object(w);
}
