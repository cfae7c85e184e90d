#include "base/table.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"

#define CAP_FIRST 8

static uint32_t id_of(const char *rows, size_t row_bytes, size_t i)
{
	uint32_t id;

	memcpy(&id, rows + i * row_bytes, sizeof(id));
	return id;
}

size_t tb_table_position(const void *rows, size_t n, size_t row_bytes,
			 uint32_t id)
{
	size_t low = 0;
	size_t high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (id_of(rows, row_bytes, middle) < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void *tb_table_insert(void *rows, size_t *n, size_t *cap, size_t row_bytes,
		      size_t at)
{
	size_t cap_new = *cap > 0 ? 2 * *cap : CAP_FIRST;
	char *room = rows;

	TB_ASSERT(at <= *n && *n <= *cap && row_bytes >= sizeof(uint32_t));
	if (*n == *cap) {
		room = tb_realloc(rows, cap_new * row_bytes);
		if (room == NULL)
			return NULL;
		*cap = cap_new;
	}
	memmove(room + (at + 1) * row_bytes, room + at * row_bytes,
		(*n - at) * row_bytes);
	memset(room + at * row_bytes, 0, row_bytes);
	(*n)++;
	return room;
}
