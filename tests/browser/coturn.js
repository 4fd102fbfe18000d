// @ts-check
// A coturn on this machine for one test run, with one user. It stands on the address of a network card: browsers
// do not use loopback for relays. It judges nothing.

import { spawn, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";

/** Whether there is one. */
export const hasCoturn = spawnSync("turnserver", ["--version"]).error === undefined;

/** An address that browsers use. */
export const host =
  Object.values(networkInterfaces())
    .flat()
    .find((it) => it?.family === "IPv4" && !it.internal)?.address ?? "127.0.0.1";

/** @returns {Promise<{ server: { urls: string, username: string, credential: string }, stop: () => void }>} */
export async function startCoturn() {
  const folder = mkdtempSync(join(tmpdir(), "swarmline-coturn-"));
  const free = createSocket("udp4").bind(0, host);
  await once(free, "listening");
  const { port } = free.address();
  await new Promise((closed) => free.close(() => closed(undefined)));
  const [username, credential] = ["viewer", "of a test"];
  const flags = [
    ...["-n", "--lt-cred-mech", `--user=${username}:${credential}`, "--realm=test.example"],
    ...["--no-tls", "--no-dtls", "--no-cli", "--allow-loopback-peers", "--log-file=stdout"],
    ...[`--listening-ip=${host}`, `--relay-ip=${host}`, `--listening-port=${port}`],
    ...[`--userdb=${join(folder, "db")}`, `--pidfile=${join(folder, "pid")}`],
  ];
  const child = spawn("turnserver", flags, { stdio: "ignore" });
  return {
    server: { urls: `turn:${host}:${port}`, username, credential },
    stop: () => {
      child.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
