// @ts-check
// A small internet of Linux network namespaces: one public network with the test origin, a tracker and a
// STUN/TURN server in it, and homes behind routers with NATs of each kind, whose lines can be narrowed and cut.
// It decides nothing about peers and measures nothing.
//
// Invariant: a namespace lives as long as a process that holds it, and that one ends with ours: nothing is left
// behind, however we end, and the machine's own network is never touched.

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { browserFlags, chromePath } from "../../tests/browser/harness.js";

/** Of the block for tests of network devices (RFC 2544): nobody's real address. */
export const publicAddress = "198.18.0.1";
/** Likewise (RFC 5180). */
export const publicAddress6 = "2001:2::1";
const turnPort = 3478;
const user = { username: "viewer", credential: "of a test" };

/**
 * Kinds of routers by what they let in (RFC 4787, section 5): `open` has no NAT; `cone` lets everybody in where one
 * has been sent from; `address` who has been sent to from there, `port` from that very port; `symmetric` another
 * port for each destination; `tcp` lets no UDP through at all.
 */
export const kinds = /** @type {const} */ (["open", "cone", "address", "port", "symmetric", "tcp"]);
/** @typedef {(typeof kinds)[number]} Kind */

/** Whether two such homes can meet by themselves (RFC 5128, section 3). @param {Kind} a @param {Kind} b */
export function canMeet(a, b) {
  const either = (/** @type {Kind} */ kind) => a === kind || b === kind;
  if (either("tcp")) return false;
  return !(either("symmetric") && (either("port") || a === b));
}

/** Why there can be no such world here; `null` where there can. @returns {string | null} */
export function whyNot() {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  for (const [program, from] of [
    ["ip", "iproute2"],
    ["nft", "nftables"],
    ["turnserver", "coturn"],
    ["nsenter", "util-linux"],
  ]) {
    const { error } = spawnSync(program ?? "", ["--version"], { stdio: "ignore" });
    if (error) return `no ${program} here (Debian: apt-get install ${from})`;
  }
  const tried = spawnSync("unshare", ["--net", "nft", "list", "ruleset"], { stdio: "ignore" });
  return tried.status === 0
    ? null
    : "network namespaces are not permitted here (root may make them)";
}

/** Runs this script again in a network of its own; false where it runs in one. @param {string} script */
export function enterOwnNetwork(script) {
  if (process.env.SWARMLINE_OWN_NETWORK) return false;
  const { status } = spawnSync(
    "unshare",
    ["--net", process.execPath, script, ...process.argv.slice(2)],
    { stdio: "inherit", env: { ...process.env, SWARMLINE_OWN_NETWORK: "1" } },
  );
  process.exitCode = status ?? 1;
  return true;
}

/** @param {string} program @param {string[]} given @param {string} [input] */
function run(program, given, input) {
  const stdio = /** @type {const} */ (["pipe", "pipe", "inherit"]);
  execFileSync(program, given, { input: input ?? "", stdio: [...stdio] });
}
/** @param {string} line */
const ip = (line) => run("ip", line.split(" "));

/** A namespace, held open by a process that waits for the end of ours. */
class Namespace {
  /** @param {import("node:child_process").ChildProcess} holder */
  constructor(holder) {
    this.holder = holder;
    this.pid = holder.pid;
  }

  static async open() {
    const holder = spawn("unshare", ["--net", "sh", "-c", "echo here; exec cat"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    await once(holder.stdout, "data");
    return new Namespace(holder);
  }

  /** @param {string} line an `ip` command */
  ip(line) {
    run("nsenter", ["-t", String(this.pid), "-n", "ip", ...line.split(" ")]);
  }

  /** @param {string} line a `tc` command */
  tc(line) {
    run("nsenter", ["-t", String(this.pid), "-n", "tc", ...line.split(" ")]);
  }

  /** Takes the place of the rules that were. @param {string} rules */
  filter(rules) {
    run("nsenter", ["-t", String(this.pid), "-n", "nft", "-f", "-"], `flush ruleset\n${rules}`);
  }

  /** @param {string} line */
  set(line) {
    run("nsenter", ["-t", String(this.pid), "-n", "sysctl", "-q", "-w", line]);
  }

  close() {
    this.holder.stdin?.end();
  }
}

/** What a router of that kind does, in nftables' words. @param {Kind} kind @param {string} home */
function rulesOf(kind, home) {
  if (kind === "open") return "";
  const random = kind === "symmetric" ? "fully-random" : "";
  const lines = [
    "table ip nat {",
    `  chain out { type nat hook postrouting priority 100; oifname "wan" masquerade ${random}; }`,
  ];
  const admits = kind === "cone" || kind === "address";
  if (admits) {
    // Linux gives each flow its own port back and no other: what is let in besides is sent to the one home.
    lines.push(
      "  chain in { type nat hook prerouting priority -100;",
      `    iifname "wan" udp dport 1024-65535 dnat to ${home}; }`,
    );
  }
  lines.push(
    "}",
    "table ip gate {",
    "  set known { type ipv4_addr; }",
    // An answer of the router's own would fix a port that the home behind it needs.
    '  chain local { type filter hook input priority 0; iifname "wan" meta l4proto udp drop; }',
    "  chain through { type filter hook forward priority 0;",
  );
  if (kind === "tcp") lines.push("    meta l4proto udp drop");
  if (kind === "address") {
    lines.push(
      '    iifname "lan" add @known { ip daddr }',
      '    iifname "wan" meta l4proto udp ip saddr != @known drop',
    );
  }
  if (!admits) lines.push('    iifname "wan" ct state new drop');
  return [...lines, "  }", "}"].join("\n");
}

/** A browser in a home network behind a router. */
export class Home {
  /** @param {World} world @param {number} number @param {Namespace} router @param {Namespace} inside */
  constructor(world, number, router, inside) {
    this.world = world;
    this.number = number;
    this.router = router;
    this.inside = inside;
    /** @type {Kind} */
    this.kind = "open";
    /** The last part of the address inside. */
    this.host = 2;
  }

  get network() {
    return `10.${this.number}.0`;
  }

  get address() {
    return `${this.network}.${this.host}`;
  }

  get outside() {
    return `198.18.0.${10 + this.number}`;
  }

  /** Another router takes the place of this one's. @param {Kind} kind */
  become(kind) {
    this.kind = kind;
    this.router.filter(rulesOf(kind, this.address));
    const route = `${this.network}.0/24 via ${this.outside}`;
    // Without a NAT the addresses inside are the world's.
    const known = kind === "open";
    const say = known ? `route replace ${route}` : `route replace blackhole ${this.network}.0/24`;
    ip(say);
    for (const other of this.world.homes) if (other !== this) other.router.ip(say);
  }

  /** So many bits a second leave the home at most. @param {string} rate as `tc` writes it */
  narrow(rate) {
    this.router.tc(`qdisc replace dev wan root tbf rate ${rate} burst 32kbit latency 200ms`);
  }

  /** The line to peers is cut, silently, or healed. @param {boolean} isCut */
  cutFromPeers(isCut) {
    const rule = `iifname "lan" ip daddr != ${publicAddress} drop`;
    const chain = `chain c { type filter hook forward priority -10; ${rule}; }`;
    const cut = `\ntable ip cut {\n${chain}\n}\n`;
    this.router.filter(rulesOf(this.kind, this.address) + (isCut ? cut : ""));
  }

  /** The home's own network is gone, as its browser sees, or back. @param {boolean} isCut */
  unplug(isCut) {
    this.inside.ip(`link set eth ${isCut ? "down" : "up"}`);
    if (!isCut) this.inside.ip(`route add default via ${this.network}.1`);
  }

  /** It has another address from now on, as after a change of networks: what used the old one is cut off. */
  move() {
    const old = this.address;
    this.host += 1;
    this.inside.ip(`addr del ${old}/24 dev eth`);
    this.inside.ip(`addr add ${this.address}/24 dev eth`);
    this.inside.ip(`route replace default via ${this.network}.1`);
    this.become(this.kind);
  }

  /** It has no IPv4, or has it again. @param {boolean} isGone */
  dropIpv4(isGone) {
    if (isGone) this.inside.ip("-4 addr flush dev eth");
    else {
      this.inside.ip(`addr add ${this.address}/24 dev eth`);
      this.inside.ip(`route replace default via ${this.network}.1`);
    }
  }

  /** A browser of this home's. @param {string[]} [flags] */
  async browser(flags = []) {
    const script = join(this.world.folder, `chromium-${this.number}`);
    writeFileSync(
      script,
      `#!/bin/sh\nexec nsenter -t ${this.inside.pid} -n -- ${chromePath()} "$@"\n`,
    );
    chmodSync(script, 0o755);
    // Plain HTTP, but for loopback, is no secure context, and digests want one.
    const secure = `--unsafely-treat-insecure-origin-as-secure=${this.world.secure}`;
    return chromium.launch({ executablePath: script, args: [...browserFlags, secure, ...flags] });
  }
}

/** The public network and its homes. */
export class World {
  /** @param {string} folder @param {string} secure */
  constructor(folder, secure) {
    this.folder = folder;
    this.secure = secure;
    /** @type {Home[]} */
    this.homes = [];
    /** @type {import("node:child_process").ChildProcess | undefined} */
    this.turn = undefined;
    this.stunServers = [`stun:${publicAddress}:${turnPort}`];
    this.turnServers = ["udp", "tcp"].map((transport) => ({
      urls: `turn:${publicAddress}:${turnPort}?transport=${transport}`,
      ...user,
    }));
  }

  /** In our own network: the machine's is another. @param {string} secure origins, with commas @param {number} homes */
  static async open(secure, homes) {
    const world = new World(mkdtempSync(join(tmpdir(), "swarmline-networks-")), secure);
    ip("link set lo up");
    ip("link add public type bridge");
    ip(`addr add ${publicAddress}/24 dev public`);
    ip(`addr add ${publicAddress6}/64 dev public nodad`);
    ip("link set public up");
    for (let number = 1; number <= homes; number += 1) await world.#home(number);
    const flags = [
      ...["-n", "--lt-cred-mech", `--user=${user.username}:${user.credential}`, "--realm=test"],
      ...["--no-tls", "--no-dtls", "--no-cli", "--log-file=stdout", "--allow-loopback-peers"],
      ...[`--listening-ip=${publicAddress}`, `--relay-ip=${publicAddress}`],
      ...[`--listening-port=${turnPort}`, "--no-multicast-peers"],
      ...[`--userdb=${join(world.folder, "db")}`, `--pidfile=${join(world.folder, "pid")}`],
    ];
    // It ends with us, however we end.
    const held = 'turnserver "$@" & cat; kill $!';
    world.turn = spawn("sh", ["-c", held, "turnserver", ...flags], {
      stdio: ["pipe", "ignore", "ignore"],
    });
    return world;
  }

  /** @param {number} number */
  async #home(number) {
    const [router, inside] = [await Namespace.open(), await Namespace.open()];
    const home = new Home(this, number, router, inside);
    ip(`link add w${number} type veth peer name wan netns ${router.pid}`);
    ip(`link set w${number} master public up`);
    router.ip(`link add lan type veth peer name eth netns ${inside.pid}`);
    router.ip(`addr add ${home.outside}/24 dev wan`);
    router.ip(`addr add ${home.network}.1/24 dev lan`);
    for (const device of ["lo", "wan", "lan"]) router.ip(`link set ${device} up`);
    router.set("net.ipv4.ip_forward=1");
    inside.ip(`addr add ${home.address}/24 dev eth`);
    for (const device of ["lo", "eth"]) inside.ip(`link set ${device} up`);
    inside.ip(`route add default via ${home.network}.1`);
    this.homes.push(home);
  }

  /** All homes have IPv6 as well from now on, and no NAT for that. */
  takeIpv6() {
    const prefix = (/** @type {Home} */ home) => `2001:2:0:${home.number}:`;
    const outside = (/** @type {Home} */ home) => `2001:2::${10 + home.number}`;
    for (const home of this.homes) {
      const { router, inside } = home;
      router.set("net.ipv6.conf.all.forwarding=1");
      router.ip(`addr add ${outside(home)}/64 dev wan nodad`);
      router.ip(`addr add ${prefix(home)}:1/64 dev lan nodad`);
      inside.ip(`addr add ${prefix(home)}:2/64 dev eth nodad`);
      inside.ip(`-6 route replace default via ${prefix(home)}:1`);
    }
    for (const home of this.homes) {
      const route = `-6 route replace ${prefix(home)}:/64 via ${outside(home)}`;
      ip(route);
      for (const other of this.homes) if (other !== home) other.router.ip(route);
    }
  }

  async close() {
    this.turn?.stdin?.end();
    for (const { router, inside } of this.homes) {
      router.close();
      inside.close();
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
