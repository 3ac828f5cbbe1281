"""Segments under METHOD=AES-128 -> their plain bytes. Pure. Source: RFC 8216bis-18, 4.4.4.4 and 5.2."""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

KEY_BYTES = 16


def plain(body: bytes, key: bytes, iv: int) -> bytes:
    """Decrypt a segment (16-byte `key`, 128-bit `iv`). Raises ValueError where the key does not fit."""
    decryptor = Cipher(algorithms.AES128(key), modes.CBC(iv.to_bytes(16, "big"))).decryptor()
    unpadder = PKCS7(128).unpadder()
    return unpadder.update(decryptor.update(body) + decryptor.finalize()) + unpadder.finalize()
