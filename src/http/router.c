#include "http/route.h"

#include "http/method.h"
#include "http/uri.h"

/* The methods that a route answers: HEAD wherever there is a GET that may be
 * asked without effect (RFC 9110, section 9.2.1: HEAD is safe). */
static unsigned route_methods(const struct tb_route *route)
{
	unsigned methods = tb_method_bit(route->method);

	if (route->method == TB_GET && !route->changes_state)
		methods |= tb_method_bit(TB_HEAD);
	return methods;
}

/* True if `prefix` ends where a segment of the path ends. */
static bool has_prefix(struct tb_str path, struct tb_str prefix)
{
	return tb_str_starts(path, prefix) &&
	       (path.n == prefix.n || path.p[prefix.n] == '/');
}

/* How far a segment goes that begins at `at`. */
static const char *segment_end(const char *at, const char *end)
{
	while (at < end && *at != '/')
		at++;
	return at;
}

/* True if a literal segment of a pattern is the next one of a path; both are
 * then at its end. */
static bool skip_literal(const char **want, const char **at, const char *end)
{
	const char *w = *want;
	const char *p = *at;

	while (p < end && *w != '\0' && *p == *w && *p != '/') {
		p++;
		w++;
	}
	*want = w;
	*at = p;
	return (*w == '\0' || *w == '/') && (p == end || *p == '/');
}

/* How well a route's pattern fits a path: 0 not at all, else a bit for each
 * segment, the first one highest, that is set where the pattern is literal. So
 * of two that fit the same path the more specific one has the larger number.
 * The captures are noted as they were sent. Every request asks this of many
 * routes, most of which part with the path at its first letters. */
static uint32_t path_rank(const struct tb_route *route, struct tb_str path,
			  struct tb_str params[TB_PARAMS_MAX])
{
	const char *want = route->path;
	const char *at = path.p;
	const char *end = path.p + path.n;
	size_t n_params = 0;
	uint32_t rank = 0;

	for (;; want++, at++) {
		rank <<= 1;
		if (*want == '{') {
			const char *begin = at;

			at = segment_end(begin, end);
			if (at == begin || n_params == TB_PARAMS_MAX)
				return 0;
			params[n_params++] =
				tb_str(begin, (size_t)(at - begin));
			want = strchr(want, '}') + 1;
		} else if (skip_literal(&want, &at, end)) {
			rank |= 1;
		} else {
			return 0;
		}
		/* A slash at a pattern's end may be missing in the path. */
		if (at == end)
			return *want == '\0' || want[1] == '\0' ? rank : 0;
		if (*want == '\0')
			return 0;
	}
}

/* The routes of all APIs below the longest prefix so far that a path has. */
struct search {
	enum tb_method method;
	size_t prefix_len;
	uint32_t rank; /* the best; only routes that have it count */
	struct tb_match_result found;
};

/* True if a route is a better answer to the method than what was found: a
 * HEAD of its own goes before the GET that stands in for it. */
static bool is_better(const struct search *s, const struct tb_route *route)
{
	const struct tb_route *found = s->found.route;

	if (!(route_methods(route) & tb_method_bit(s->method)))
		return false;
	return !found ||
	       (found->method != s->method && route->method == s->method);
}

static void try_route(struct search *s, const struct tb_mount *mount,
		      const struct tb_route *route, struct tb_str path)
{
	struct tb_str params[TB_PARAMS_MAX] = { { NULL, 0 } };
	uint32_t rank = path_rank(route, path, params);

	if (rank == 0 || rank < s->rank)
		return;
	if (rank > s->rank)
		s->found = (struct tb_match_result) {
			.match = TB_MATCH_METHOD,
			.mount = mount,
		};
	s->rank = rank;
	s->found.methods |= route_methods(route);
	if (!is_better(s, route))
		return;
	s->found.match = TB_MATCH_ROUTE;
	s->found.mount = mount;
	s->found.route = route;
	memcpy(s->found.params, params, sizeof(params));
}

/* A longer prefix makes what was found below shorter ones void. */
static void try_prefix(struct search *s, const struct tb_mount *mount,
		       struct tb_str prefix, struct tb_str path)
{
	struct tb_str rest = tb_str(path.p + prefix.n, path.n - prefix.n);
	size_t i;

	if (s->found.match == TB_MATCH_NONE || prefix.n > s->prefix_len)
		*s = (struct search) {
			.method = s->method,
			.prefix_len = prefix.n,
			.found = { .match = TB_MATCH_PATH, .mount = mount },
		};
	for (i = 0; i < mount->api->n_routes; i++) {
		const struct tb_route *route = &mount->api->routes[i];

		if (!route->prefix ||
		    tb_str_eq(tb_str_z(route->prefix), prefix))
			try_route(s, mount, route, rest);
	}
}

/* INVALID: one is no text. */
static enum tb_err decode_params(struct tb_arena *arena,
				 struct tb_match_result *match)
{
	size_t i;

	for (i = 0; i < TB_PARAMS_MAX && match->params[i].p; i++) {
		enum tb_err err = tb_uri_decode(arena, match->params[i], false,
						&match->params[i]);

		if (err)
			return err;
	}
	return TB_OK;
}

enum tb_err tb_route_find(const struct tb_mount *mounts, size_t n_mounts,
			  enum tb_method method, struct tb_str path,
			  struct tb_arena *arena, struct tb_match_result *ret)
{
	struct search s = { .method = method };
	const char *const *p;
	enum tb_err err;
	size_t i;

	for (i = 0; i < n_mounts; i++) {
		for (p = mounts[i].api->prefixes; *p; p++) {
			struct tb_str prefix = tb_str_z(*p);

			if (has_prefix(path, prefix) &&
			    prefix.n >= s.prefix_len)
				try_prefix(&s, &mounts[i], prefix, path);
		}
	}
	err = decode_params(arena, &s.found);
	if (err == TB_ERR_INVALID) {
		s.found = (struct tb_match_result) {
			.match = TB_MATCH_NO_TEXT,
			.mount = s.found.mount,
		};
		err = TB_OK;
	}
	if (!err)
		*ret = s.found;
	return err;
}
