"""nginx servers that `kadr bench origin` compares Kadr with, and the edge it measures."""
