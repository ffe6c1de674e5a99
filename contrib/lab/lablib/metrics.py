# SPDX-License-Identifier: Apache-2.0
"""Prometheus over the edge and both applications, scraped and evaluated every second.

Started by `up`. Its recording rules are what runbooks watch; a rule that has no evidence, say
because nobody sent a request, yields NaN or nothing, never a reassuring zero.
"""

import json
import urllib.parse
import urllib.request

from . import process
from .world import BACKEND, LOOPBACK, SIDES, WWW

# Refused orders (read-only on request) are neither good nor errors. Errors that the edge itself
# answers with, because a side broke off, never show in that side's own counters.
RATE_WINDOW = "5s"
RULES = {
    "error_ratio": "({failed} + {broken}) / ({served} + {broken})",
    "latency_p95_seconds":
        "histogram_quantile(0.95, sum by (le) (rate(shop_request_seconds_bucket{app}[{window}])))",
    "orders_per_second": "sum(rate(shop_orders_total{app}[{window}]))",
}


def start(world):
    folder = world.path("metrics")
    (folder / "prometheus.yml").write_text(json.dumps(configuration(world), indent=2))
    (folder / "rules.yml").write_text(json.dumps(rules(), indent=2))
    # Without a short look-back a dead target goes on looking alive for five minutes.
    server = process.start(world, "prometheus", [
        process.program("prometheus"), f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data", "--storage.tsdb.retention.time=1d",
        f"--web.listen-address={LOOPBACK}:{world.ports['prom']}",
        "--query.lookback-delta=3s", "--log.level=warn"])
    server.wait_ready(lambda: get(world, "/-/ready"))


def configuration(world):
    targets = [{"targets": [f"{WWW[side]}:{world.ports[f'{side}_app']}"], "labels": {"side": side}}
               for side in SIDES]
    edge = [{"targets": [f"{LOOPBACK}:{world.ports['edge_metrics']}"]}]
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "900ms", "evaluation_interval": "1s"},
        "rule_files": ["rules.yml"],
        "scrape_configs": [{"job_name": "shop", "static_configs": targets},
                           {"job_name": "edge", "static_configs": edge}],
    }


def rules():
    """Each rule for the whole shop, and with :blue or :green at its end for one side."""
    found = [{"record": f"shop:{name}", "expr": expression(text, "", "")}
             for name, text in RULES.items()]
    found += [{"record": f"shop:{name}:{side}",
               "expr": expression(text, f'side="{side}"', f'server="{side}"')}
              for side in SIDES for name, text in RULES.items()]
    return {"groups": [{"name": "shop", "rules": found}]}


def expression(text, of_app, of_edge):
    def rate(metric, *labels):
        chosen = ",".join(label for label in labels if label)
        return f"(sum(rate({metric}{{{chosen}}}[{RATE_WINDOW}])) or vector(0))"

    in_backend = f'proxy="{BACKEND}"'
    broken = (f'({rate("haproxy_server_connection_errors_total", in_backend, of_edge)} + '
              f'{rate("haproxy_server_response_errors_total", in_backend, of_edge)})')
    return text.format(
        app=f"{{{of_app}}}", window=RATE_WINDOW, broken=broken,
        failed=rate("shop_requests_total", 'outcome="error"', of_app),
        served=rate("shop_requests_total", 'outcome=~"ok|error"', of_app))


def scrapes(world, parts):
    """Whether the targets among the given parts are seen; the first scrape is 5 s after start."""
    targets = ("apps" in parts) * len(SIDES) + ("edge" in parts)
    return (query(world, "sum(up)") or 0) >= targets


def query(world, text):
    """The one value of an instant query, or None."""
    reply = json.loads(get(world, "/api/v1/query?" + urllib.parse.urlencode({"query": text})))
    series = reply["data"]["result"]
    return float(series[0]["value"][1]) if len(series) == 1 else None


def get(world, path):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(world.params()["prom_url"] + path, timeout=10) as reply:
        return reply.read()
