"""PostgreSQL: the pool, the migrations, and one module per table with one function per statement of its SQL file,
hence more than 15 modules.
"""
