// A child process: sends requests without a credential behind one another over N connections, as fast as they are taken.
import { connect } from 'node:net'

const [port, connections] = process.argv.slice(2).map(Number)
const requests = Buffer.from('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(5000))
const run = () => {
  const socket = connect(port, '127.0.0.1')
  const send = () => {
    while (!socket.destroyed && socket.write(requests));
  }
  socket.on('connect', send).on('drain', send).resume()
  socket.on('error', () => {}).on('close', () => setTimeout(run, 1))
}
for (let connection = 0; connection < connections; connection++) run()
