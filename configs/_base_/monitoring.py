# Figures and pictures of the pseudo labels (docs/monitoring.md). A leaf adds
# them to its hooks: custom_hooks = _base_.custom_hooks + _base_.monitoring.
monitoring = [
    dict(type='PseudoLabelMonitorHook', interval=50),
    dict(type='PseudoLabelPanelHook', interval=250, num_images=2)
]
