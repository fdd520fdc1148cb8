// The pages work without this file. It adds buttons that copy the samples, and the search.
const samples = document.querySelectorAll('pre:not(.answer)')
for (const sample of samples) {
  const box = document.createElement('div')
  box.className = 'sample'
  sample.replaceWith(box)
  const button = document.createElement('button')
  button.type = 'button'
  button.textContent = 'Copy'
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(sample.textContent.trimEnd())
      button.textContent = 'Copied'
    } catch {
      // Without a secure context there is no clipboard. The text is selected instead.
      getSelection().selectAllChildren(sample)
      button.textContent = 'Selected'
    }
    setTimeout(() => {
      button.textContent = 'Copy'
    }, 2000)
  })
  box.append(sample, button)
}

const form = document.querySelector('.search')
if (form) {
  form.hidden = false
  const input = form.querySelector('input')
  const list = form.querySelector('ul')
  const status = form.querySelector('[role=status]')
  let entries
  const load = async () => {
    entries ??= await (await fetch('/docs/assets/search.json')).json()
  }
  const shown = ({ title, kind, href }) => {
    const item = document.createElement('li')
    const link = document.createElement('a')
    link.href = href
    const small = document.createElement('small')
    small.textContent = ` ${kind}`
    link.append(title, small)
    item.append(link)
    return item
  }
  const show = async () => {
    await load()
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean)
    const found =
      words.length === 0
        ? []
        : entries.filter(({ words: text }) => words.every((word) => text.includes(word)))
    list.replaceChildren(...found.slice(0, 20).map(shown))
    list.hidden = found.length === 0
    status.textContent = words.length === 0 ? '' : `${found.length} results`
  }
  const close = () => {
    list.hidden = true
  }
  input.addEventListener('input', show)
  input.addEventListener('focus', show)
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    list.querySelector('a')?.click()
  })
  form.addEventListener('keydown', (event) => {
    const links = [input, ...list.querySelectorAll('a')]
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (event.key === 'Escape') {
      close()
      input.focus()
    } else if (step) {
      event.preventDefault()
      links[(links.indexOf(document.activeElement) + step + links.length) % links.length].focus()
    }
  })
  document.addEventListener('click', (event) => {
    if (!form.contains(event.target)) close()
  })
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return
    event.preventDefault()
    input.focus()
  })
}
