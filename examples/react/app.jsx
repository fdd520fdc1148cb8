import { createClient } from 'chathub-gateway/client'
import { useState } from 'react'
import { createRoot } from 'react-dom/client'
import { useOperators } from './use-operators.js'

const organization = 24
// The page's own origin forwards /v1/ to the gateway, and the session cookie is the credential.
const gateway = createClient({ session: true })

const Row = ({ operator: { id, name, status }, onChange }) => {
  const next = status === 'active' ? 'inactive' : 'active'
  const title = next === 'active' ? 'Activate' : 'Deactivate'
  return (
    <tr>
      <td>{name}</td>
      <td>{status}</td>
      <td>
        <button type="button" aria-label={`${title} ${name}`} onClick={() => onChange(id, next, status)}>
          {title}
        </button>
      </td>
    </tr>
  )
}

const Operators = () => {
  const { operators, error, show } = useOperators(gateway, organization)
  const [told, setTold] = useState({ text: '' })

  const change = async (id, status, before) => {
    const operator = operators.find((one) => one.id === id)
    show({ ...operator, status }) // at once; an event or the failure corrects it
    try {
      await gateway.operators.update(organization, id, { status })
      const undo = before && (() => change(id, before))
      setTold({ text: `${operator.name} is ${status}.`, undo })
    } catch (failed) {
      show(operator)
      setTold({ text: `${failed.message} (request ${failed.requestId})` })
    }
  }

  if (error) return <p role="alert">{error.message}</p>
  if (!operators) return <p>Loading …</p>
  return (
    <>
      <p role="status">
        {told.text}{' '}
        {told.undo && (
          <button type="button" onClick={told.undo}>
            Undo
          </button>
        )}
      </p>
      <table>
        <tbody>
          {operators.map((operator) => (
            <Row key={operator.id} operator={operator} onChange={change} />
          ))}
        </tbody>
      </table>
    </>
  )
}

const signIn = async () => {
  const answer = await fetch('/ticket', { method: 'POST' })
  const { ticket } = await answer.json()
  await gateway.sessions.open({ ticket })
}

await signIn()
createRoot(document.getElementById('root')).render(<Operators />)
