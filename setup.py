"""Packaging of mmseg-pseudoseg."""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent


def requirements(name: str) -> list:
    """The requirement lines of one file."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    return [line for line in lines if line and not line.startswith('#')]


def version() -> str:
    """The version, read without importing the package."""
    scope: dict = {}
    exec((ROOT / 'mmseg_pseudoseg' / 'version.py').read_text(), scope)
    return scope['__version__']


setup(
    name='mmseg-pseudoseg',
    version=version(),
    description='Label-efficient semantic segmentation (PseudoSeg) for '
    'MMSegmentation',
    long_description=(ROOT / 'README.md').read_text(),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    packages=find_packages(include=['mmseg_pseudoseg', 'mmseg_pseudoseg.*']),
    python_requires='>=3.10',
    install_requires=requirements('runtime'),
    extras_require={
        'openmmlab': requirements('openmmlab'),
        'coco': requirements('coco'),
        'demo': requirements('demo'),
        'dev': requirements('dev'),
        'docs': requirements('docs'),
        'onnx': requirements('onnx'),
    },
    classifiers=[
        'License :: OSI Approved :: Apache Software License',
        'Programming Language :: Python :: 3',
        'Topic :: Scientific/Engineering :: Image Recognition',
    ])
