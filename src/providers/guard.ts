/**
 * The one guard that URLs of providers and of callbacks pass: when they are registered, and before each request.
 * It judges what a URL says. What a name resolves to cannot be seen in a Worker, nor need it be: a deployed Worker has
 * no private network, so a public name with a private address leads nowhere from there.
 */
import ipaddr from "ipaddr.js";
import { GleitzeitError } from "../contract/error.ts";
import { LIMITS } from "../contract/limits.ts";

/** `isLocal`: the service of one machine (`npm start`), whose providers are on that machine and beside it. */
export type GuardOptions = { isLocal: boolean };

/** The URL as `fetch` reads it, or `unsafe_url`. It costs microseconds: nothing is asked of the network. */
export function checkUrl(url: string, { isLocal }: GuardOptions): URL {
  const parsed = url.length <= LIMITS.urlChars ? URL.parse(url) : null;
  if (parsed === null) {
    throw refuse(
      `no URL of at most ${LIMITS.urlChars} characters; write it as https://host.example.com/path`,
    );
  }
  if (parsed.protocol !== "http:" && parsed.protocol !== "https:") {
    throw refuse(`a URL of "${parsed.protocol}"; use http or https`);
  }
  if (parsed.username !== "" || parsed.password !== "") {
    throw refuse("a URL with credentials; send them as a header of the instance");
  }
  if (parsed.port === "0") throw refuse("a URL with port 0; name the port that the server listens at");
  checkHost(parsed.hostname, isLocal);
  return parsed;
}

/** A `fetch` that passes each address through the guard, those that a server names included, and follows no redirect. */
export function guardFetch(inner: typeof fetch, options: GuardOptions): typeof fetch {
  return async (input, init) => {
    const url = typeof input === "string" ? input : input instanceof URL ? input.href : input.url;
    checkUrl(url, options);
    return inner(input, { ...init, redirect: "manual" });
  };
}

/**
 * Where a host is. `near`: this machine or its network. `metadata`: a cloud's own service, which hands credentials to
 * whoever can reach it. `hidden`: another address stands in it. `unusable`: no server has it.
 */
type Place = "public" | "near" | "metadata" | "hidden" | "unusable";

function checkHost(hostname: string, isLocal: boolean): void {
  const place = placeOf(hostname);
  switch (place) {
    case "public":
      return;
    case "near":
      if (isLocal) return;
      throw refuse(
        `"${hostname}", an address of this machine or of a private network, which a deployed service does not reach; ` +
          "give the host a public name by a tunnel (docs/connecting-hosts.md), or use local mode (npm start)",
      );
    case "metadata":
      throw refuse(`"${hostname}", a cloud's metadata service; name the provider's own address`);
    case "hidden":
      throw refuse(`"${hostname}", which stands for another address; write that address itself`);
    case "unusable":
      throw refuse(`"${hostname}", which is no server's address; name the one that the server is reached at`);
    default:
      throw new Error(`unknown place: ${place satisfies never}`);
  }
}

/** `hostname` was normalised by `URL`: decimal, octal, hex, short, full-width and escaped spellings are gone. */
function placeOf(hostname: string): Place {
  const address = hostname.replace(/^\[|\]$/g, "");
  if (METADATA_ADDRESSES.has(address)) return "metadata";
  if (ipaddr.IPv6.isValid(address)) return placeOfIPv6(ipaddr.IPv6.parse(address));
  if (ipaddr.IPv4.isValidFourPartDecimal(address)) return placeOfRange(ipaddr.IPv4.parse(address).range());
  return placeOfName(hostname);
}

function placeOfIPv6(address: ipaddr.IPv6): Place {
  const range = address.range();
  // Global unicast is 2000::/3. Outside of it are also the IPv4-compatible addresses, ::/96, which ipaddr.js lets pass.
  if (range === "unicast" && ((address.parts[0] ?? 0) & 0xe000) !== 0x2000) return "hidden";
  return placeOfRange(range);
}

function placeOfRange(range: string): Place {
  if (range === "unicast") return "public";
  if (NEAR_RANGES.has(range)) return "near";
  return HIDING_RANGES.has(range) ? "hidden" : "unusable";
}

function placeOfName(hostname: string): Place {
  const name = hostname.replace(/\.$/, "");
  if (METADATA_NAMES.has(name)) return "metadata";
  if (isUnder(name, HIDING_ZONES)) return "hidden";
  if (isUnder(name, NEAR_ZONES) || SINGLE_LABEL.test(name)) return "near";
  return PUBLIC_NAME.test(name) ? "public" : "unusable";
}

const isUnder = (name: string, zones: readonly string[]): boolean =>
  zones.some((zone) => name === zone || name.endsWith(`.${zone}`));

const refuse = (what: string): GleitzeitError => new GleitzeitError("unsafe_url", `the address is ${what}`);

const SINGLE_LABEL = /^[a-z0-9_-]{1,63}$/;
// What ends in a number would be an address to some resolvers.
const PUBLIC_NAME = /^(?=.{1,253}$)(?:[a-z0-9_-]{1,63}\.)+[a-z][a-z0-9-]{0,62}$/;

/** Link-local ones are missing: 169.254.0.0/16 is where metadata services live. */
const NEAR_RANGES = new Set(["loopback", "private", "carrierGradeNat", "uniqueLocal", "deprecatedSiteLocal"]);
/** IPv6 with an IPv4 address in it, which a gateway on the way may unpack. */
const HIDING_RANGES = new Set(["ipv4Mapped", "rfc6145", "rfc6052", "6to4", "teredo"]);

/** Those outside 169.254.0.0/16 as well: Azure's, Alibaba's, Oracle's; AWS's, Google's and Scaleway's of IPv6. */
const METADATA_ADDRESSES = new Set([
  "169.254.169.254",
  "169.254.170.2",
  "169.254.170.23",
  "168.63.129.16",
  "100.100.100.200",
  "192.0.0.192",
  "fd00:ec2::254",
  "fd00:ec2::23",
  "fd20:ce::254",
  "fd00:42::42",
]);
const METADATA_NAMES = new Set([
  "metadata",
  "metadata.goog",
  "metadata.google.internal",
  "metadata.azure.internal",
  "metadata.packet.net",
  "metadata.platformequinix.com",
  "metadata.tencentyun.com",
  "instance-data",
  "instance-data.ec2.internal",
  "rancher-metadata",
]);

/** Names that are given out at home, in an office or on one machine, and public ones that always mean 127.0.0.1. */
const NEAR_ZONES = [
  "localhost",
  "localdomain",
  "local",
  "internal",
  "intranet",
  "private",
  "lan",
  "home",
  "corp",
  "home.arpa",
  "localtest.me",
  "lvh.me",
  "vcap.me",
  "lacolhost.com",
  "fuf.me",
  "localho.st",
  "local.gd",
];
/** Services whose names hold the address they resolve to, or change it from one question to the next. */
const HIDING_ZONES = [
  "nip.io",
  "sslip.io",
  "xip.io",
  "traefik.me",
  "backname.io",
  "plex.direct",
  "1u.ms",
  "rbndr.us",
];
