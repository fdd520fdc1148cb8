import { Icon } from './icon.tsx'

export const CloseButton = ({ label, onClick }: { label: string; onClick: () => void }) => (
  <button type="button" className="icon-button close" aria-label={label} onClick={onClick}>
    <Icon name="close" size={14} />
  </button>
)
