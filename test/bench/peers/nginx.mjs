// nginx as a cache with the same duties: a key map, limit_req, a request id, a buffered JSON log.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { debian, freePort, scratch, serverCore, start } from '../lib/processes.mjs'

const conf = ({ dir, port, upstream, key }) => `
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
daemon off;
pid ${dir}/nginx.pid;
events { worker_connections 4096; }
http {
  client_body_temp_path ${dir}/body; proxy_temp_path ${dir}/proxy; fastcgi_temp_path ${dir}/fastcgi;
  uwsgi_temp_path ${dir}/uwsgi; scgi_temp_path ${dir}/scgi;
  log_format json escape=json '{"time":"$time_iso8601","requestId":"$request_id","client":"$client","method":"$request_method","status":$status,"ms":$request_time,"cache":"$upstream_cache_status"}';
  access_log ${dir}/access.log json buffer=64k flush=1s;
  map_hash_bucket_size 256;
  map $http_x_api_key $client { default ""; "${key}" bench; }
  limit_req_zone $client zone=limit:1m rate=10000000r/m;
  proxy_cache_path ${dir}/cache levels=1:2 keys_zone=lists:10m use_temp_path=off;
  keepalive_requests 100000000;
  sendfile on;
  server {
    listen 127.0.0.1:${port};
    if ($client = "") { return 401; }
    location / {
      limit_req zone=limit burst=100000 nodelay;
      proxy_pass ${upstream};
      proxy_cache lists;
      proxy_cache_key $uri$is_args$args;
      proxy_cache_valid 200 1d;
      proxy_cache_lock on;
      add_header X-Request-Id $request_id;
      add_header X-Content-Type-Options nosniff;
    }
  }
}
`

let made = 0
export const startNginx = async ({ upstream, key }) => {
  const found = debian('nginx')
  if (!found) return undefined
  const dir = join(scratch, `nginx-${++made}`)
  mkdirSync(join(dir, 'logs'), { recursive: true })
  const port = await freePort()
  writeFileSync(join(dir, 'nginx.conf'), conf({ dir, port, upstream, key }))
  const nginx = start(
    serverCore,
    found.command,
    ['-e', 'stderr', '-p', dir, '-c', join(dir, 'nginx.conf')],
    found.env,
  )
  const url = `http://127.0.0.1:${port}`
  await nginx.until(() =>
    fetch(url).then(
      () => true,
      () => false,
    ),
  )
  const stop = async () => {
    // Killed, it would leave its workers behind.
    process.kill(nginx.pid, 'SIGTERM')
    await nginx.exited
  }
  return { ...nginx, url, stop }
}
